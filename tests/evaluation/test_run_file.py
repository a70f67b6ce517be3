"""A ranking as a table and back; and that it is the one which mteb would have written."""

from __future__ import annotations

import json
from pathlib import Path

import mteb
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from experiments.config import TinyStudent
from experiments.evaluation.mteb_task import local_task, search
from experiments.evaluation.named_encoder import NamedEncoder
from experiments.evaluation.run_file import read_run, run_frame
from experiments.evaluation.target import EvaluationTarget
from experiments.models.student import build_student
from tests.helpers.toy import toy_collection, toy_execution

NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=3)
SCORES = st.one_of(st.sampled_from([0.0, 0.5, -1.0]), st.floats(allow_nan=False))
RUNS = st.dictionaries(NAMES, st.dictionaries(NAMES, SCORES, min_size=1, max_size=5), min_size=1, max_size=5)


@given(run=RUNS)
def test_queries_are_sorted_and_ties_go_by_id_descending(run: dict[str, dict[str, float]]) -> None:
    rows = [(query, document, score) for query, scores in run.items() for document, score in scores.items()]
    names = ["query_id", "document_id", "score"]
    expected = pd.DataFrame(rows, columns=names).sort_values(
        ["query_id", "score", "document_id"], ascending=[True, False, False]
    )
    pd.testing.assert_frame_equal(run_frame(run), expected.reset_index(drop=True))


def test_a_query_in_two_places_of_a_file_keeps_all_its_documents(tmp_path: Path) -> None:
    path = tmp_path / "run.parquet"
    table = {"query_id": ["b", "b", "a", "b"], "document_id": ["x", "y", "x", "z"], "score": [3.0, 2.0, 1.0, 0.1]}
    pd.DataFrame(table).to_parquet(path, index=False)
    assert read_run(path) == {"b": {"x": 3.0, "y": 2.0, "z": 0.1}, "a": {"x": 1.0}}


def test_the_ranking_is_the_one_that_mteb_writes(tmp_path: Path) -> None:
    toy = toy_collection()
    task = local_task(EvaluationTarget("toy/test", toy.corpus, toy.splits["test"]))
    encoder = NamedEncoder(build_student(TinyStudent(), execution=toy_execution(tmp_path)), key="tiny")
    found = search(task, encoder, batch_size=32).run
    mteb.evaluate(
        encoder,
        task,
        cache=None,
        co2_tracker=False,
        encode_kwargs={"batch_size": 32, "show_progress_bar": False},
        prediction_folder=tmp_path,
        show_progress_bar=False,
    )
    written = json.loads((tmp_path / task.prediction_file_name).read_text(encoding="utf-8"))
    assert found == written["default"]["test"]
    run_frame(found).to_parquet(tmp_path / "run.parquet", index=False)
    assert read_run(tmp_path / "run.parquet") == found

"""Queries that are documents: the document with the query's id is left out, and figures stay mteb's."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import ir_measures
import numpy as np
import pandas as pd
import pytest
import torch
from ir_measures import AP, RR, R, nDCG

from experiments.config import BeirData, EvaluationConfig, NoTraining, TinyStudent
from experiments.evaluation.measures import per_query_measures
from experiments.evaluation.mteb_task import built_in_task, local_task, search
from experiments.evaluation.named_encoder import NamedEncoder
from experiments.evaluation.target import EvaluationTarget
from experiments.execution import Execution
from experiments.ir import Qrels
from experiments.models.student import build_student
from experiments.pipeline import run
from experiments.records.schema import RunRecord
from tests.helpers.beir import write_files
from tests.helpers.toy import WORDS, toy_collection, toy_config, toy_execution

NUMBERS = {"nDCG@10": nDCG @ 10, "R@100": R @ 100, "AP@100": AP @ 100}
ARGUMENTS = 40


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def arguments(folder: Path) -> Path:
    """ArguAna's form: every query is an argument of the corpus, and its one answer is another one."""
    draw = np.random.default_rng(0)
    texts = [" ".join(draw.choice(WORDS, 12)) for _ in range(ARGUMENTS)]
    documents = [{"_id": f"a{i}", "title": f"title {i}", "text": text} for i, text in enumerate(texts)]
    queries = [{"_id": f"a{i}", "text": texts[i]} for i in range(12)]
    qrels = [(f"a{i}", f"a{(i + 13) % ARGUMENTS}", 1) for i in range(12)]
    return write_files(folder, corpus=documents, queries=queries, qrels={"test": qrels})


def measured(root: Path, *, flag: bool) -> tuple[RunRecord, pd.DataFrame]:
    folder = arguments(root / "arguments")
    execution: Execution = toy_execution(root).model_copy(update={"data_paths": {"arguments": folder}})
    config = toy_config(
        train=NoTraining(),
        data=BeirData(name="arguments", ignore_identical_ids=flag),
        evaluation=EvaluationConfig(query_length=64, passage_length=64),
    )
    record = run(config, execution)
    (per_query,) = (execution.store / "records" / record.run_id).glob("*.parquet")
    return record, pd.read_parquet(per_query)


def by_hand(root: Path, *, flag: bool) -> pd.DataFrame:
    """Every score by brute force; ir_measures over the ranking with or without the query itself."""
    folder = root / "arguments"
    documents = pd.read_json(folder / "corpus.jsonl", lines=True)
    queries = pd.read_json(folder / "queries.jsonl", lines=True)
    model = build_student(TinyStudent(), execution=toy_execution(root))
    passages = (documents["title"] + " " + documents["text"]).tolist()
    vectors = model.encode_document(passages, normalize_embeddings=True, show_progress_bar=False)
    asked = model.encode_query(queries["text"].tolist(), normalize_embeddings=True, show_progress_bar=False)
    ranking = {
        query: {d: float(s) for d, s in zip(documents["_id"], scores, strict=True) if not (flag and d == query)}
        for query, scores in zip(queries["_id"], asked @ vectors.T, strict=True)
    }
    judged = {f"a{i}": {f"a{(i + 13) % ARGUMENTS}": 1} for i in range(12)}
    found = ir_measures.iter_calc([*NUMBERS.values(), RR @ 10], judged, ranking)
    rows = [{"query_id": f.query_id, "measure": str(f.measure).replace("RR", "MRR"), "value": f.value} for f in found]
    return pd.DataFrame(rows).pivot_table(index="query_id", columns="measure", values="value")


@pytest.mark.parametrize("flag", [True, False])
def test_figures_are_those_of_the_ranking_without_the_query_itself(tmp_path: Path, *, flag: bool) -> None:
    record, per_query = measured(tmp_path, flag=flag)
    expected = by_hand(tmp_path, flag=flag)
    ours = per_query.set_index("query_id")
    for measure in ("nDCG@10", "R@100", "AP@100", "MRR@10"):
        assert ours[measure].to_dict() == pytest.approx(expected[measure].to_dict(), abs=1e-6)
    scores = record.tasks["arguments/test"]
    assert scores.mteb == pytest.approx(scores.measures["nDCG@10"], abs=5.1e-6)


def test_the_query_itself_takes_the_first_rank_unless_it_is_left_out(tmp_path: Path) -> None:
    counted, _ = measured(tmp_path / "counted", flag=False)
    ignored, _ = measured(tmp_path / "ignored", flag=True)
    assert counted.run_id != ignored.run_id
    one, two = counted.tasks["arguments/test"], ignored.tasks["arguments/test"]
    assert one.content_hash != two.content_hash
    assert one.measures["MRR@10"] < two.measures["MRR@10"]


@pytest.mark.parametrize(("name", "left_out"), [("ArguAna", True), ("SciFact", False)])
def test_mteb_s_own_tasks_are_measured_as_mteb_measures_them(tmp_path: Path, name: str, *, left_out: bool) -> None:
    """The task's rules are mteb's, its data are local."""
    toy = toy_collection()
    ids = (*toy.splits["test"].queries.ids, *toy.corpus.ids[24:])
    texts = (*toy.splits["test"].queries.texts, *toy.corpus.texts[24:])
    split = replace(toy.splits["test"], qrels=Qrels.build(query=range(24), document=range(24, 48), grade=[1] * 24))
    target = EvaluationTarget("toy/test", replace(toy.corpus, ids=ids, texts=texts), split)
    task = built_in_task(name)
    task.dataset = local_task(target).dataset
    task.data_loaded = True
    encoder = NamedEncoder(build_student(TinyStudent(), execution=toy_execution(tmp_path)), key="tiny")
    done = search(task, encoder, batch_size=32)
    assert per_query_measures(done.run, done.judgments)["nDCG@10"].mean() == pytest.approx(done.ndcg, abs=5.1e-6)
    assert all((query in done.run[query]) != left_out for query in split.queries.ids)

"""Judgments of what is not there: refused by name, or dropped while measures still count them."""

from __future__ import annotations

import random
from pathlib import Path

import pandas as pd
import pytest
import pytrec_eval

from experiments import pipeline
from experiments.collections.load import load_collection
from experiments.config import (
    BeirData,
    Bm25Teacher,
    EvaluationConfig,
    MiningConfig,
    NaiveTopK,
    NoTraining,
    RunConfig,
    TinyStudent,
)
from experiments.errors import UserError
from experiments.execution import Execution
from experiments.ir import Collection
from experiments.records.folder import record_paths
from experiments.records.scores import scores_path
from tests.helpers.beir import write_beir


def rename(path: Path, names: dict[str, str]) -> None:
    """Give documents or queries of a qrels file other ids."""
    lines = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()]
    path.write_text("".join("\t".join(names.get(part, part) for part in line) + "\n" for line in lines))


def load(folder: Path, **fields: str | int) -> Collection:
    data = BeirData(name=folder.name, **fields)
    return load_collection(data, execution=Execution(beir_home=folder.parent), cache=folder)


def judged(folder: Path, split: str) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for line in (folder / "qrels" / f"{split}.tsv").read_text(encoding="utf-8").splitlines()[1:]:
        query, document, score = line.split("\t")
        found.setdefault(query, {})[document] = int(score)
    return found


def test_they_are_counted_and_named(tmp_path: Path) -> None:
    folder = write_beir(tmp_path / "toy")
    first = next(iter(judged(folder, "test").values()))
    rename(folder / "qrels" / "test.tsv", {"q0": "who", **{name: f"no-{name}" for name in first}})
    with pytest.raises(UserError) as caught:
        load(folder)
    count = sum(name in first for names in judged(folder, "test").values() for name in names)
    assert count == 0
    gone = [name for names in judged(folder, "test").values() for name in names if name.startswith("no-")]
    shown = ", ".join(repr(name) for name in dict.fromkeys(gone))
    assert str(caught.value) == (
        f"{folder / 'qrels' / 'test.tsv'}: {len(first)} judgments of queries that queries.jsonl lacks ('who') and "
        f"{len(gone)} judgments of documents that corpus.jsonl lacks ({shown}): mend the ids, or go on without these "
        "judgments with data.missing_documents=drop (measures still count the documents as not found)"
    )


def test_a_split_of_unknown_documents_is_refused_in_either_case(tmp_path: Path) -> None:
    folder = write_beir(tmp_path / "toy")
    names = {name for documents in judged(folder, "test").values() for name in documents}
    rename(folder / "qrels" / "test.tsv", {name: f"no-{name}" for name in names})
    with pytest.raises(UserError, match=r"judgments of documents that corpus\.jsonl lacks \('no-d.*, \.\.\.\): mend"):
        load(folder)
    with pytest.raises(UserError, match=r"test\.tsv: none of its \d+ judgments above 0 names a query and a document"):
        load(folder, missing_documents="drop")


def test_a_slip_of_white_space_is_refused_even_where_missing_documents_are_dropped(tmp_path: Path) -> None:
    folder = write_beir(tmp_path / "toy")
    rename(folder / "qrels" / "train.tsv", {"d7": "d7 "})
    for how in ("error", "drop"):
        with pytest.raises(UserError, match=r"train\.tsv:\d+: the document id 'd7 ' differs from 'd7' only by white"):
            load(folder, missing_documents=how)


def test_a_train_query_without_any_document_left_is_dropped_and_one_with_some_is_not(tmp_path: Path) -> None:
    folder = write_beir(tmp_path / "toy")
    train = judged(folder, "train")
    whole, half = list(train)[:2]
    lost = {*train[whole], next(name for name in train[half] if name not in train[whole])}
    rename(folder / "qrels" / "train.tsv", {name: f"no-{name}" for name in lost})
    collection = load(folder, missing_documents="drop", heldout_queries=5)
    kept = [name for split in ("train", "heldout") for name in collection.splits[split].queries.ids]
    assert set(kept) == {query for query, names in train.items() if set(names) - lost}
    for split in ("train", "heldout"):
        part = collection.splits[split]
        found = {(part.queries.ids[query], name) for query, name, _ in part.missing.rows()}
        assert found == {(query, f"no-{n}") for query in part.queries.ids for n in train[query] if n in lost}


@pytest.mark.parametrize("search_corpus", ["all", "judged"])
def test_measures_are_over_all_judgments(tmp_path: Path, search_corpus: str) -> None:
    folder = write_beir(tmp_path / "toy", test=20)
    draw = random.Random(0)
    documents = sorted({name for names in judged(folder, "test").values() for name in names})
    gone = {*draw.sample(documents, len(documents) // 2), *judged(folder, "test")["q0"]}
    rename(folder / "qrels" / "test.tsv", {name: f"no-{name}" for name in gone})
    execution = Execution(store=tmp_path / "store", data_paths={"toy": folder}, device="cpu", threads=1, progress=False)
    config = RunConfig(
        data=BeirData(name="toy", missing_documents="drop", search_corpus=search_corpus),
        teacher=Bm25Teacher(),
        miner=NaiveTopK(),
        mining=MiningConfig(depth=30),
        student=TinyStudent(),
        train=NoTraining(),
        evaluation=EvaluationConfig(query_length=16, passage_length=32),
    )
    record = pipeline.run(config, execution)
    (path,) = record_paths(execution.store, record.run_id)
    ours = pd.read_parquet(scores_path(path)).set_index("query_id")
    ranking: dict[str, dict[str, float]] = {}
    stored = execution.store / "evaluate" / record.artifacts["evaluate toy/test"] / "run.parquet"
    for row in pd.read_parquet(stored).itertuples():
        ranking.setdefault(str(row.query_id), {})[str(row.document_id)] = float(row.score)
    evaluator = pytrec_eval.RelevanceEvaluator(judged(folder, "test"), {"ndcg_cut.10", "recall.100", "map_cut.100"})
    full = evaluator.evaluate(ranking)
    assert set(ours.index) == set(full) == set(judged(folder, "test"))
    for name, theirs in (("nDCG@10", "ndcg_cut_10"), ("R@100", "recall_100"), ("AP@100", "map_cut_100")):
        assert {query: scores[theirs] for query, scores in full.items()} == pytest.approx(ours[name].to_dict())
    assert ours.loc["q0"].tolist()[1:] == [0.0] * 4

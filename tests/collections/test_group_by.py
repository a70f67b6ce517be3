"""data.group_by: document: windows of one passage stay on one side, and their queries are one group."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from experiments.collections.groups import query_groups
from experiments.collections.load import load_collection
from experiments.config import BeirData
from experiments.errors import UserError
from experiments.evaluation.target import EvaluationTarget
from experiments.execution import Execution
from experiments.ir import Collection
from tests.helpers.beir import write_files

PASSAGES = 12


def write(folder: Path, *, metadata: dict[str, Any] | None = None) -> Path:
    """Twelve passages of three windows each; the last window of a passage knows no parent. A query for each window."""
    windows = [(passage, window) for passage in range(PASSAGES) for window in range(3)]
    corpus: list[dict[str, Any]] = []
    for passage, window in windows:
        row: dict[str, Any] = {"_id": f"p{passage}" if window == 2 else f"p{passage}-w{window}", "title": "all alike"}
        row |= {"text": f"window {window} of {passage}"}
        if window < 2:
            row |= {"metadata": metadata or {"parent": f"p{passage}", "url": "x"}}
        corpus.append(row)
    queries = [{"_id": f"q{i}", "text": f"what is in window {w} of {p}"} for i, (p, w) in enumerate(windows)]
    qrels = [(f"q{i}", row["_id"], 1) for i, row in enumerate(corpus)]
    queries.append({"_id": "asked", "text": "the first"})
    return write_files(folder, corpus=corpus, queries=queries, qrels={"train": qrels, "test": [("asked", "p0", 1)]})


def load(folder: Path, tmp_path: Path, **fields: Any) -> Collection:
    execution = Execution(store=tmp_path / "store", data_paths={"toy": folder})
    return load_collection(BeirData(name="toy", **fields), execution=execution, cache=tmp_path / "cache")


def passages(collection: Collection, split: str) -> set[str]:
    found = collection.splits[split]
    return {collection.corpus.ids[document].split("-")[0] for document in found.qrels.document}


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_no_passage_stands_on_two_sides(tmp_path: Path, seed: int) -> None:
    folder = write(tmp_path / "toy")
    fields = {"dev_queries": 7, "heldout_queries": 6, "split_seed": seed}
    by_document = load(folder, tmp_path, group_by="document", **fields)
    sides = [passages(by_document, split) for split in ("train", "dev", "heldout")]
    assert not (sides[0] & sides[1] | sides[0] & sides[2] | sides[1] & sides[2])
    by_query = load(folder, tmp_path, group_by="query", **fields)
    assert passages(by_query, "train") & passages(by_query, "dev")  # what it is for


def test_evaluated_queries_are_grouped_by_what_their_documents_were_cut_from(tmp_path: Path) -> None:
    folder = write(tmp_path / "toy")
    asked = load(folder, tmp_path, group_by="document")
    ids, groups = query_groups(asked.corpus, asked.splits["train"])
    assert dict(zip(ids, groups, strict=True)) == {f"q{i}": f"document p{i // 3}" for i in range(3 * PASSAGES)}
    assert asked.corpus.take(np.array([1, 2], dtype=np.int32)).parents == ("p0", "p0")
    usual = load(folder, tmp_path)
    assert set(query_groups(usual.corpus, usual.splits["train"])[1]) == {"article all alike"}


def test_what_documents_were_cut_from_is_no_content_but_names_the_groups(tmp_path: Path) -> None:
    folder = write(tmp_path / "toy")
    usual, asked = load(folder, tmp_path), load(folder, tmp_path, group_by="document")
    assert usual.content_hash == asked.content_hash
    targets = [EvaluationTarget("toy/test", one.corpus, one.splits["test"]) for one in (usual, asked)]
    assert targets[0].content_hash != targets[1].content_hash


def test_a_parent_that_is_no_name_is_refused_where_it_is_asked_for(tmp_path: Path) -> None:
    folder = write(tmp_path / "toy", metadata={"parent": [7]})
    assert load(folder, tmp_path).corpus.parents == ()
    with pytest.raises(UserError, match=r"corpus\.jsonl:1: the field 'parent' is \[7\]: it must be a string"):
        load(folder, tmp_path, group_by="document")

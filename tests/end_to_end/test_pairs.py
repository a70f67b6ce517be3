"""Pairs through the real command: the same negatives as from the same data in BEIR form; given negatives as an arm."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from experiments.ir import NO_DOCUMENT
from experiments.run import main
from tests.helpers.beir import write_beir
from tests.helpers.runs import run_of

SMALL = (
    "tracker=none teacher=bm25 student=tiny mining.num_negatives=1 mining.depth=20 train.steps=2 train.batch_size=8 "
    "execution.device=cpu execution.threads=1 execution.progress=false execution.results=null"
)


def rows_of(folder: Path) -> list[dict[str, Any]]:
    """The judgments of a folder in BEIR form as rows of pairs, with ids, and a negative each."""
    texts = {}
    for name in ("corpus", "queries"):
        lines = (folder / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
        texts[name] = {row["_id"]: row for row in map(json.loads, lines)}
    judged = (folder / "qrels" / "train.tsv").read_text(encoding="utf-8").splitlines()[1:]
    rows = []
    for number, line in enumerate(judged):
        query, document, score = line.split("\t")
        negative = f"d{(int(document[1:]) + 1) % len(texts['corpus'])}"
        rows.append({"qid": query, "question": texts["queries"][query]["text"], "doc_id": document, "label": score})
        rows[number] |= {"negative_id": negative}
    return rows


def run(root: Path, *arguments: str) -> dict[str, Any]:
    """The record of a small run, with its mined rows under "rows"."""
    return run_of(root, *SMALL.split(), *arguments)


def test_the_same_data_as_pairs_and_in_beir_form_gives_the_same_negatives(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_beir(tmp_path / "toy", documents=60, train=24, dev=0, test=0)
    rows = rows_of(folder)
    with (tmp_path / "toy.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    split = "data.split={dev: 2, test: 6}"
    beir = run(tmp_path, "data=beir", f"data.path={folder}", "data.name=beir", split, "until=mine")
    own = ["data=pairs", f"data.path={tmp_path}/toy.csv", f"data.corpus={folder}/corpus.jsonl", split]
    pairs = run(tmp_path, *own)
    said = capsys.readouterr().out
    assert "query=question, query_id=qid, positive_id=doc_id, negative_id=negative_id, score=label" in said
    np.testing.assert_equal(beir["rows"], pairs["rows"])
    assert pairs["collections"]["toy"]["queries"] == beir["collections"]["beir"]["queries"]
    assert pairs["tasks"]["toy/test"]["queries"] == 6
    assert str(tmp_path) not in json.dumps(pairs["config"])

    given = run(tmp_path, *own, "miner=given", "mining.shortfall=fewer", "until=mine")
    corpus = [json.loads(line)["_id"] for line in (folder / "corpus.jsonl").read_text(encoding="utf-8").splitlines()]
    found = given["rows"]
    assert given["mining"]["given"] == np.count_nonzero(found["document"] != NO_DOCUMENT) > 0
    assert not found["rank"].any()
    named = {row["negative_id"] for row in rows}
    assert {corpus[d] for d in found["document"].ravel()} <= named


def test_what_a_collection_lacks_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_beir(tmp_path / "toy", documents=60, train=12, dev=0, test=6)
    base = [*SMALL.split(), f"outputs={tmp_path}/outputs"]
    cases = {
        ("data=beir", f"data.path={folder}", "miner=given"): "miner=given takes the negatives that the data has",
        ("data=beir", f"data.path={folder}", "mining.same_group=exclude"): "nothing says what the documents of toy",
        ("data=pairs",): "data.path is not set: give data.path=a csv",
        ("data=pairs", f"data.path={folder}"): "this folder is in BEIR form: read it with data=beir",
        ("data=pairs", "data.path=no.csv"): "data.path=no.csv: there is no such file or folder",
        ("data=beir", f"data.path={folder}/corpus.jsonl"): "reads a folder, and this is a file: use data=pairs",
        ("data=pairs", f"data.path={folder}/queries.jsonl", "data.corpus=no"): "data.corpus=no: there is no such file",
        ("data=trec", f"data.path={folder}"): "qrels.* is missing: the folder needs topics.*, qrels.*",
        ("data=pairs", f"data.path={folder}/corpus.jsonl", "data.split.test=1.5"): "data.split.test=1.5",
    }
    for arguments, says in cases.items():
        assert main([*base, *arguments]) == 2, arguments
        error = capsys.readouterr().err
        assert says in error, (arguments, error)
        assert error.count("\n") == 1

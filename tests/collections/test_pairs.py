"""Pairs as people hold them: files, columns, ids, negatives; mistakes are one line."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import pandas as pd
import pytest

from experiments.collections.load import load_collection
from experiments.config import PairsData
from experiments.errors import UserError
from experiments.execution import Execution
from experiments.ir import Collection, Qrels, Split

ROWS = [
    {"question": f"where is {i}?", "answer": f"it is at {i}", "negative": f"wrong {i}", "group": f"g{i // 2}"}
    for i in range(20)
]


def load(path: Path, *, corpus: Path | None = None, **fields: Any) -> Collection:
    execution = Execution(data_paths={"own": path} if corpus is None else {"own": path, "own:corpus": corpus})
    return load_collection(PairsData(name="own", **fields), execution=execution, cache=path.parent)


def write_csv(path: Path, rows: list[dict[str, Any]], *, delimiter: str = ",") -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)
    return path


def said(collection: Collection, split: str, pairs: str = "qrels") -> set[tuple[str, str, int]]:
    """(query text, passage text, grade) of a split's judgments, or of its given negatives."""
    one: Split = collection.splits[split]
    rows: Qrels = getattr(one, pairs)
    queries, passages = one.queries.texts, collection.corpus.texts
    found = zip(rows.query.tolist(), rows.document.tolist(), rows.grade.tolist(), strict=True)
    return {(queries[q], passages[d], grade) for q, d, grade in found}


def as_jsonl(path: Path) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS), encoding="utf-8")
    return path


def as_packed(path: Path) -> Path:
    path.write_bytes(gzip.compress(write_csv(path.with_name("plain.csv"), ROWS).read_bytes()))
    return path


def as_parquet(path: Path) -> Path:
    pd.DataFrame(ROWS).to_parquet(path)
    return path


def as_dataset(path: Path) -> Path:
    datasets.Dataset.from_list(ROWS).save_to_disk(str(path))
    return path


FORMS: dict[str, Callable[[Path], Path]] = {
    "x.jsonl": as_jsonl,
    "x.csv.gz": as_packed,
    "x.tsv": lambda path: write_csv(path, ROWS, delimiter="\t"),
    "semicolons.csv": lambda path: write_csv(path, ROWS, delimiter=";"),
    "x.parquet": as_parquet,
    "saved": as_dataset,
}


@pytest.mark.parametrize("name", FORMS)
def test_every_form_is_the_same_collection(name: str, tmp_path: Path) -> None:
    plain = load(write_csv(tmp_path / "first.csv", ROWS), split=None)
    assert said(plain, "train") == {(row["question"], row["answer"], 1) for row in ROWS}
    assert said(plain, "train", "given") == {(row["question"], row["negative"], 1) for row in ROWS}
    assert plain.corpus.texts == (*(row["answer"] for row in ROWS), *(row["negative"] for row in ROWS))
    assert load(FORMS[name](tmp_path / name), split=None).content_hash == plain.content_hash


def test_a_data_set_with_splits_keeps_them(tmp_path: Path) -> None:
    parts = {"train": ROWS[:12], "validation": ROWS[12:15], "test": ROWS[15:]}
    saved = datasets.DatasetDict({name: datasets.Dataset.from_list(rows) for name, rows in parts.items()})
    saved.save_to_disk(str(tmp_path / "saved"))
    found = load(tmp_path / "saved")
    assert {name: len(split.queries) for name, split in found.splits.items()} == {"train": 12, "dev": 3, "test": 5}
    (tmp_path / "files").mkdir()
    for name, rows in parts.items():
        write_csv(tmp_path / "files" / f"{name}-00000-of-00001.csv", rows)
    # Files are read in the order of their names, so ids differ and texts do not.
    files = load(tmp_path / "files")
    assert all(said(files, name) == said(found, name) for name in ("train", "dev", "test"))


def test_lists_numbered_columns_and_scores(tmp_path: Path) -> None:
    rows = [
        {"anchor": "a", "pos": ["p", "r"], "negative_1": "n", "negative_2": None, "score": 2.0},
        {"anchor": "a", "pos": ["s"], "negative_1": "n", "negative_2": "m", "score": 1},
        {"anchor": "a", "pos": ["z"], "negative_1": None, "negative_2": None, "score": 0},
        {"anchor": "b", "pos": ["z"], "negative_1": "p", "negative_2": None, "score": 1},
    ]
    path = tmp_path / "x.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    found = load(path, split=None)
    assert said(found, "train") == {("a", "p", 2), ("a", "r", 2), ("a", "s", 1), ("b", "z", 1)}
    assert said(found, "train", "given") == {("a", "n", 1), ("a", "m", 2), ("a", "z", 3), ("b", "p", 1)}
    assert sorted(found.corpus.texts) == ["m", "n", "p", "r", "s", "z"]


def test_ids_name_queries_and_passages(tmp_path: Path) -> None:
    rows = [
        {"query_id": 7, "query": "same", "positive_id": 1.0, "positive": "x"},
        {"query_id": 8, "query": "same", "positive_id": 2.0, "positive": "x"},
        {"query_id": 8, "query": "same", "positive_id": 1.0, "positive": "x"},
    ]
    path = tmp_path / "x.parquet"
    pd.DataFrame(rows).to_parquet(path)
    found = load(path, split=None)
    assert (found.splits["train"].queries.ids, found.corpus.ids) == (("7", "8"), ("1", "2"))
    assert len(found.splits["train"].qrels) == 3


def test_a_file_of_passages_is_the_corpus(tmp_path: Path) -> None:
    corpus = tmp_path / "all.jsonl"
    passages = [{"id": i, "text": f"text {i}", "parent": f"g{i // 2}", "title": "t"} for i in range(6)]
    corpus.write_text("".join(json.dumps(row) + "\n" for row in passages), encoding="utf-8")
    by_id = write_csv(tmp_path / "ids.csv", [{"query": "a", "positive_id": 1, "negative_id": 4}])
    by_text = write_csv(tmp_path / "texts.csv", [{"query": "a", "positive": "text 1", "negative": "text 4"}])
    one, other = (load(path, corpus=corpus, split=None) for path in (by_id, by_text))
    assert one.content_hash == other.content_hash
    assert (len(one.corpus), one.corpus.parents[3], one.corpus.titles[0]) == (6, "g1", "t")
    assert said(one, "train", "given") == {("a", "text 4", 1)}
    gone = write_csv(tmp_path / "gone.csv", [{"query": "a", "positive_id": 9}])
    with pytest.raises(UserError, match=r"1 passages of own are not in data.corpus=.*gone.csv:2: '9'"):
        load(gone, corpus=corpus)


def test_empty_rows_are_counted_and_left_out(tmp_path: Path) -> None:
    empty = [{**ROWS[0], "question": " "}, {**ROWS[0], "answer": ""}]
    found = load(write_csv(tmp_path / "x.csv", [*ROWS, *empty]), split=None)
    assert (found.report["rows_without_text"], len(found.splits["train"].queries)) == (2, 20)
    with pytest.raises(UserError, match=r"none of its 2 rows has a query and a passage .*2 are empty"):
        load(write_csv(tmp_path / "y.csv", empty))


def test_the_same_text_of_two_groups_is_two_passages(tmp_path: Path) -> None:
    rows = [{"query": f"q{i}", "passage": "yes", "group": f"g{i}"} for i in range(2)]
    found = load(write_csv(tmp_path / "x.csv", rows), split=None)
    assert (found.corpus.texts, found.corpus.parents) == (("yes", "yes"), ("g0", "g1"))


MISTAKES: dict[str, tuple[str, dict[str, Any], str]] = {
    "no query": (
        "foo,answer\na,b\n",
        {},
        r"no column is called query, question.*\(there are: foo, answer\).*data.columns.query",
    ),
    "no passage": ("query,foo\na,b\n", {}, r"no column is called positive, .*data.columns.positive=NAME"),
    "named column": (
        "query,answer\na,b\n",
        {"columns": {"query": "frage"}},
        r"data.columns.query=frage: there is no such column \(there are: query, answer\)",
    ),
    "one column twice": (
        "query,answer\na,b\n",
        {"columns": {"negative": "answer"}},
        r"the column 'answer' is taken as positive and negative",
    ),
    "twice in the header": ("query,query\na,b\n", {}, r"x.csv:1: two columns are called 'query'"),
    "cells": ("query,answer\na,b,c\n", {}, r"x.csv:2: 3 cells for 2 columns: put a cell that holds ','"),
    "open quote": ('query,answer\na,"b\nc,d\n', {}, r"x.csv:3: cannot be read as csv \(unexpected end of data\)"),
    "stray quote": ('query,answer\na,"b" c\n', {}, r"x.csv:2: cannot be read as csv"),
    "blank": ("", {}, r"x.csv:1: the first line is blank"),
    "score": (
        "query,answer,score\na,b,0.5\n",
        {},
        r"x.csv:2: the score '0.5' is not an integer.*data.columns.score=none",
    ),
    "no score": ("query,answer,score\na,b,\n", {}, r"x.csv:2: the score is empty"),
    "query id": ("query_id,query,answer\n1,a,b\n1,c,b\n", {}, r"x.csv:3: the query '1' has another text"),
    "passage id": (
        "query,doc_id,answer\na,1,b\nc,1,d\n",
        {},
        r"x.csv:3: the passage '1' has another text here than in .*x.csv:2: ids must differ",
    ),
    "group": (
        "query,doc_id,answer,group\na,1,b,g\nc,1,b,h\n",
        {},
        r"x.csv:3: the passage '1' is of group 'h' here and of 'g'",
    ),
    "no id": ("query,doc_id,answer\na,,b\n", {}, r"x.csv:2: the doc_id is empty"),
    "all negative": (
        "query,answer,label\na,b,0\n",
        {},
        r"none of its 1 rows has a query and a passage that answers it",
    ),
    "one group": (
        "query,answer,group\na,b,g\nc,d,g\n",
        {},
        r"no test split can be made of 2 queries .* one group \(by document\)",
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_one_line(name: str, tmp_path: Path) -> None:
    text, fields, message = MISTAKES[name]
    path = tmp_path / "x.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=message) as caught:
        load(path, **fields)
    assert "\n" not in str(caught.value)


def test_files_that_are_no_tables(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes("query,answer\né,b\n".encode("latin-1"))
    with pytest.raises(UserError, match=r"x.csv:2: not UTF-8 \(byte 0\): convert the file"):
        load(tmp_path / "x.csv")
    (tmp_path / "x.xlsx").write_bytes(b"")
    with pytest.raises(UserError, match=r"x.xlsx: tables end in .csv, .tsv"):
        load(tmp_path / "x.xlsx")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="empty holds no table"):
        load(tmp_path / "empty")
    for name in ("train", "other"):
        write_csv(tmp_path / "empty" / f"{name}.csv", ROWS)
    with pytest.raises(UserError, match="'other' names no split"):
        load(tmp_path / "empty")
    (tmp_path / "x.jsonl").write_text('{"query": ["a"], "answer": {"b": 1}}\n', encoding="utf-8")
    with pytest.raises(UserError, match=r"x.jsonl:1: the field 'answer' is \{'b': 1\}: it must be a string"):
        load(tmp_path / "x.jsonl")

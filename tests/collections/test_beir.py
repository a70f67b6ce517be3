from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from experiments.collections.load import load_collection
from experiments.collections.splits import evaluation_split, require_split
from experiments.config import BeirData
from experiments.errors import UserError
from experiments.execution import Execution
from experiments.ir import Collection, Split, normalise_text
from tests.helpers.beir import write_beir, write_files

DOCUMENTS = [{"_id": f"d{i}", "title": f"Title {i // 2}", "text": f"text {i}"} for i in range(10)]
HEADER = "query-id\tcorpus-id\tscore\n"
QUERIES = [{"_id": f"q{i}", "text": f"query {i}"} for i in range(10)]


def _load(folder: Path, **fields: Any) -> Collection:
    data = BeirData(name=folder.name, **fields)
    return load_collection(data, execution=Execution(beir_home=folder.parent), cache=folder / "cache")


def _pairs(collection: Collection, split: Split) -> set[tuple[str, str, int]]:
    q, d = split.queries.ids, collection.corpus.ids
    rows = zip(split.qrels.query, split.qrels.document, split.qrels.grade, strict=True)
    return {(q[query], d[document], int(grade)) for query, document, grade in rows}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Ten train queries, one relevant document each, two test queries."""
    return write_files(
        tmp_path / "small",
        corpus=DOCUMENTS,
        queries=[*QUERIES, {"_id": "t0", "text": "test 0"}, {"_id": "t1", "text": "test 1"}],
        qrels={
            "train": [(f"q{i}", f"d{i}", 1) for i in range(10)],
            "test": [("t1", "d9", 1), ("t0", "d4", 2), ("t0", "d2", 1)],
        },
    )


def test_a_folder_becomes_the_nouns(folder: Path) -> None:
    collection = _load(folder)
    assert collection.corpus.ids == tuple(row["_id"] for row in DOCUMENTS)
    assert collection.corpus.passages[3] == "Title 1 text 3"
    assert collection.splits["test"].queries.ids == ("t0", "t1")
    assert _pairs(collection, collection.splits["test"]) == {("t0", "d2", 1), ("t0", "d4", 2), ("t1", "d9", 1)}
    assert len(collection.splits["train"].queries) == 10
    assert collection.minable.all()


def test_compressed_files_are_the_same_collection(folder: Path) -> None:
    plain = _load(folder).content_hash
    for name in ("corpus.jsonl", "queries.jsonl"):
        (folder / f"{name}.gz").write_bytes(gzip.compress((folder / name).read_bytes()))
        (folder / name).unlink()
    assert _load(folder).content_hash == plain


def test_a_path_wins_over_the_home(folder: Path, tmp_path: Path) -> None:
    execution = Execution(beir_home=tmp_path / "nowhere", data_paths={"other": folder})
    assert load_collection(BeirData(name="other"), execution=execution, cache=tmp_path).name == "other"
    with pytest.raises(UserError, match=r"where is the collection 'x'\? Set BEIR_HOME to .* or data.path"):
        load_collection(BeirData(name="x"), execution=Execution(), cache=tmp_path)
    with pytest.raises(UserError, match="nowhere/x is not a folder"):
        load_collection(BeirData(name="x"), execution=execution, cache=tmp_path)


def test_what_real_collections_hold_is_counted(tmp_path: Path) -> None:
    corpus = [
        {"_id": "a", "title": "Only a title", "text": ""},
        {"_id": "b", "text": "Same  Text"},
        {"_id": "c", "title": None, "text": "same text"},
        {"_id": "d", "title": "", "text": " "},
    ]
    queries = [{"_id": f"q{i}", "text": f"query {i}"} for i in range(4)]
    qrels = {
        "test": [("q0", "a", 1), ("q0", "a", 3), ("q0", "gone", 1), ("lost", "a", 1), ("q1", "b", 0)],
        "extra": [("q2", "b", 2), ("q2", "c", -1), ("q3", "c", 0)],
    }
    folder = write_files(tmp_path / "odd", corpus=corpus, queries=[*queries, QUERIES[9]], qrels=qrels)
    collection = _load(folder, missing_documents="drop")
    assert collection.report == {
        "documents": 4,
        "title_only_documents": 1,
        "empty_documents": 1,
        "duplicate_text_documents": 1,
        "dangling_judgments": 2,
        "zero_score_rows": 3,
        "duplicate_judgments": 1,
        "queries_without_positive": 2,
        "unjudged_queries": 1,
        "evaluation_texts_in_several_splits": 0,
    }
    assert set(collection.splits) == {"test", "extra"}
    assert _pairs(collection, collection.splits["test"]) == {("q0", "a", 3)}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("corpus.jsonl", None, r"corpus\.jsonl is missing"),
        ("queries.jsonl", None, r"queries\.jsonl is missing"),
        ("corpus.jsonl", '{"_id": "a", "text": "t"}\n{"_id": ', r"corpus\.jsonl:2: broken JSON .*'\{\"_id\": '"),
        ("corpus.jsonl", "", r"corpus\.jsonl holds no documents"),
        ("queries.jsonl", "\n", r"queries\.jsonl holds no queries"),
        ("corpus.jsonl", '["a"]\n', r"corpus\.jsonl:1: '\[\"a\"\]' is not a JSON object"),
        ("corpus.jsonl", '\n{"_id": "a"}\n', r"corpus\.jsonl:2: the field 'text' is missing: the line has _id"),
        (
            "corpus.jsonl",
            '{"_id": 7.5, "text": "t"}\n',
            r"corpus\.jsonl:1: the field '_id' is 7.5: it must be a string: write \"7.5\"",
        ),
        ("corpus.jsonl", '{"_id": "", "text": "t"}\n', r"corpus\.jsonl:1: the _id is empty"),
        ("corpus.jsonl", '{"_id": "a", "text": "t"}\n' * 2, r"corpus\.jsonl:2: duplicate _id 'a', first on line 1"),
        ("queries.jsonl", '{"_id": "a", "text": "t"}\n' * 2, r"queries\.jsonl:2: duplicate _id 'a'"),
        ("queries.jsonl", '{"_id": "a", "text": " "}\n', r"queries\.jsonl:1: the query's text is blank"),
        ("queries.jsonl", '{"_id": "a", "text": "\\ud800"}\n', r"queries\.jsonl:1: .* surrogate"),
        ("queries.jsonl", b'{"_id": "a", "text": "\xff"}\n', r"queries\.jsonl:1: not UTF-8 \(byte 22\)"),
        ("qrels/test.tsv", "q0\td0\t1\n", r"test\.tsv:1: the header is 'q0\\td0\\t1'"),
        ("qrels/test.tsv", "", r"test\.tsv:1: the header is ''"),
        ("qrels/test.tsv", f"{HEADER}q0\td0\t1.5\n", r"test\.tsv:2: the score '1\.5' is not"),
        ("qrels/test.tsv", f"{HEADER}q0\td0\tnan\n", r"test\.tsv:2: the score 'nan' is not an integer"),
        (
            "qrels/test.tsv",
            f"{HEADER}q0\td0\t1\n\nq0\td1\t{10**20 - 1}\n",
            r"test\.tsv:4: the score '9{20}' is too large",
        ),
        ("qrels/test.tsv", f"{HEADER}q0 d0 1\n", r"test\.tsv:2: 'q0 d0 1' has 1 tab-separated"),
        ("qrels/test.tsv", HEADER, r"test\.tsv holds no judgments below its header: add rows or remove"),
        ("qrels/test.tsv", f"{HEADER}q0\td0\t0\nq1\td1\t0\n", r"none of its 2 judgments has a score above 0"),
        ("qrels/test.tsv", f"{HEADER}q0 \td0\t1\n", r"test\.tsv:2: the query id 'q0 ' differs from 'q0' only by white"),
        (
            "qrels/test.tsv",
            f"{HEADER}q0\td0\t1\nq1\t d1\t1\n",
            r"test\.tsv:3: the document id ' d1' differs from 'd1' ",
        ),
        ("qrels/test.tsv", f"{HEADER}q0\td0\t1\n".encode("utf-16"), r"test\.tsv:1: not UTF-8 \(byte 0\)"),
        ("qrels/test.tsv", f"{HEADER}q\xe9\td0\t1\n".encode("latin-1"), r"test\.tsv:2: not UTF-8 \(byte 1\)"),
    ],
)
def test_a_defect_is_one_line_with_file_line_and_value(
    folder: Path, name: str, content: str | bytes | None, message: str
) -> None:
    path = folder / name
    path.unlink()
    if content is not None:
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(UserError, match=message) as caught:
        _load(folder)
    assert "\n" not in str(caught.value)


def test_a_byte_order_mark_and_windows_line_ends_change_nothing(folder: Path) -> None:
    before = _load(folder).content_hash
    for path in (folder / "corpus.jsonl", folder / "queries.jsonl", *(folder / "qrels").iterdir()):
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert _load(folder).content_hash == before


def test_a_broken_archive_and_missing_qrels(folder: Path) -> None:
    packed = gzip.compress((folder / "corpus.jsonl").read_bytes())
    (folder / "corpus.jsonl").unlink()
    for broken in (packed[:-12], b"no archive"):
        (folder / "corpus.jsonl.gz").write_bytes(broken)
        with pytest.raises(UserError, match="the archive is broken"):
            _load(folder)
    (folder / "corpus.jsonl.gz").write_bytes(packed)
    for path in (folder / "qrels").iterdir():
        path.unlink()
    with pytest.raises(UserError, match=r"qrels holds no SPLIT\.tsv"):
        _load(folder)


@pytest.mark.parametrize("fields", [{}, {"dev_queries": 5, "heldout_queries": 6}])
def test_no_training_query_repeats_an_evaluation_query(tmp_path: Path, fields: dict[str, int]) -> None:
    collection = _load(write_beir(tmp_path / "leaky", dev=0 if fields else 10, leaks=3), **fields)
    texts = {name: {normalise_text(text) for text in split.queries.texts} for name, split in collection.splits.items()}
    train = texts.pop("train")
    assert not train & set().union(*texts.values())
    assert collection.report["leaking_train_queries_removed"] == 3
    assert len(collection.splits["train"].queries) == 37 - sum(fields.values())
    assert {name: len(collection.splits[name].queries) for name in texts} == (
        {"test": 20, "dev": 5, "heldout": 6} if fields else {"test": 20, "dev": 10}
    )


def test_a_text_in_several_evaluation_splits_is_counted_and_kept(tmp_path: Path) -> None:
    queries = [*QUERIES, {"_id": "t0", "text": "QUERY  0"}, {"_id": "t1", "text": "test 1"}, QUERIES[0] | {"_id": "x"}]
    qrels = {"dev": [("q0", "d0", 1), ("q1", "d1", 1)], "test": [("t0", "d0", 1), ("t1", "d1", 1), ("x", "d2", 1)]}
    collection = _load(write_files(tmp_path / "both", corpus=DOCUMENTS, queries=queries, qrels=qrels))
    assert collection.report["evaluation_texts_in_several_splits"] == 1
    assert {name: len(split.queries) for name, split in collection.splits.items()} == {"dev": 2, "test": 3}


def test_set_aside_queries_keep_their_judgments_and_follow_split_seed(folder: Path) -> None:
    collection = _load(folder, dev_queries=3, heldout_queries=2)
    moved = [_pairs(collection, collection.splits[name]) for name in ("train", "dev", "heldout")]
    assert [len(rows) for rows in moved] == [5, 3, 2]
    assert set().union(*moved) == {(f"q{i}", f"d{i}", 1) for i in range(10)}
    again = _load(folder, dev_queries=3, heldout_queries=2)
    other = _load(folder, dev_queries=3, heldout_queries=2, split_seed=1)
    assert again.content_hash == collection.content_hash != other.content_hash


def test_equal_texts_leave_train_together(tmp_path: Path) -> None:
    queries = [{"_id": f"q{i}", "text": f"Query {i % 10}" if i < 10 else f"query  {i % 10}"} for i in range(20)]
    qrels = {"train": [(f"q{i}", f"d{i % 10}", 1) for i in range(20)]}
    collection = _load(write_files(tmp_path / "twins", corpus=DOCUMENTS, queries=queries, qrels=qrels), dev_queries=5)
    texts = [{normalise_text(t) for t in collection.splits[name].queries.texts} for name in ("train", "dev")]
    assert not texts[0] & texts[1]
    assert (len(collection.splits["dev"].queries), len(collection.splits["train"].queries)) == (5, 14)
    assert collection.report["train_queries_dropped_with_dev"] == 1


def test_titles_group_what_is_set_aside(folder: Path) -> None:
    collection = _load(folder, dev_queries=3, group_by="title")
    titles = [
        {collection.corpus.titles[d] for d in collection.splits[name].qrels.document} for name in ("train", "dev")
    ]
    assert not titles[0] & titles[1]
    assert (len(collection.splits["dev"].queries), len(collection.splits["train"].queries)) == (3, 6)


def test_an_own_dev_split_is_used(tmp_path: Path) -> None:
    folder = write_beir(tmp_path / "own", dev=10)
    assert len(_load(folder, dev_queries=3).splits["dev"].queries) == 10


@pytest.mark.parametrize(
    "fields", [{"dev_queries": 10}, {"heldout_queries": 11}, {"dev_queries": 9, "group_by": "title"}]
)
def test_setting_too_many_aside_is_one_line(folder: Path, fields: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=r"data\.(dev|heldout)_queries=\d+ (must leave|takes every)") as caught:
        _load(folder, **fields)
    assert "\n" not in str(caught.value)


def test_a_missing_train_split_matters_only_to_who_asks_for_it(tmp_path: Path) -> None:
    collection = _load(write_beir(tmp_path / "only_test", train=0, dev=0))
    assert require_split(collection, "test", "it is evaluated") is collection.splits["test"]
    with pytest.raises(UserError, match=r"only_test has no train split \(it has: test\), but this run trains: "):
        require_split(collection, "train", "this run trains")


def test_mining_corpus_train(folder: Path) -> None:
    collection = _load(folder, mining_corpus="train", dev_queries=2)
    judged = {document for _, document, _ in _pairs(collection, collection.splits["train"])}
    assert {collection.corpus.ids[i] for i in np.flatnonzero(collection.minable)} == judged
    assert len(judged) == 8


def test_test_queries_are_searched_in_what_their_split_judges(folder: Path) -> None:
    collection = _load(folder)
    judged = BeirData(name="small", search_corpus="judged")
    corpus, split = evaluation_split(collection, judged, "test")
    assert corpus.ids == ("d2", "d4", "d9")
    assert corpus.texts == ("text 2", "text 4", "text 9")
    found = {
        (split.queries.ids[q], corpus.ids[d], int(g))
        for q, d, g in zip(split.qrels.query, split.qrels.document, split.qrels.grade, strict=True)
    }
    assert found == _pairs(collection, collection.splits["test"])
    assert evaluation_split(collection, BeirData(name="small"), "test") == (
        collection.corpus,
        collection.splits["test"],
    )


def test_whole_scores_with_a_point_are_integers(folder: Path) -> None:
    before = _load(folder).content_hash
    path = folder / "qrels" / "test.tsv"
    path.write_text(path.read_text(encoding="utf-8").replace("\t1\n", "\t1.0\n").replace("\t2\n", "\t+2.\n"))
    assert _load(folder).content_hash == before


def test_what_is_judged_zero_is_searched_too(folder: Path) -> None:
    path = folder / "qrels" / "test.tsv"
    # q9 has no relevant document: no query of the split, but what it judges is searched.
    path.write_text(path.read_text(encoding="utf-8") + "t0\td7\t0\nt0\td9\t0\nt1\td9\t0\nq9\td0\t-1\n")
    data = BeirData(name="small", search_corpus="judged")
    collection = _load(folder, search_corpus="judged")
    corpus, split = evaluation_split(collection, data, "test")
    assert corpus.ids == ("d0", "d2", "d4", "d7", "d9")
    found = {
        (split.queries.ids[q], corpus.ids[d]) for q, d in zip(split.qrels.query, split.qrels.document, strict=True)
    }
    assert found == {("t0", "d2"), ("t0", "d4"), ("t1", "d9")}
    assert len(split.nonrelevant) == 0


def test_a_judgment_of_zero_names_a_collection_only_where_it_decides_what_is_searched(folder: Path) -> None:
    before = {how: _load(folder, search_corpus=how).content_hash for how in ("all", "judged")}
    assert before["all"] == before["judged"]
    path = folder / "qrels" / "test.tsv"
    path.write_text(path.read_text(encoding="utf-8") + "t0\td7\t0\n")
    assert _load(folder).content_hash == before["all"]
    assert _load(folder, search_corpus="judged").content_hash != before["all"]


def test_queries_set_aside_take_what_they_judge_along(folder: Path) -> None:
    path = folder / "qrels" / "train.tsv"
    zeros = "".join(f"q{i}\td{(i + 1) % 10}\t0\n" for i in range(10))
    path.write_text(path.read_text(encoding="utf-8") + zeros, encoding="utf-8")
    data = BeirData(name="small", search_corpus="judged", heldout_queries=3)
    corpus, split = evaluation_split(_load(folder, search_corpus="judged", heldout_queries=3), data, "heldout")
    asked = [int(name[1:]) for name in split.queries.ids]
    assert len(asked) == 3
    assert set(corpus.ids) == {f"d{n % 10}" for i in asked for n in (i, i + 1)}


def test_integer_ids_are_read_as_they_are_written_in_the_judgments(tmp_path: Path) -> None:
    named = write_files(
        tmp_path / "numbers",
        corpus=[{"_id": str(i), "text": f"text {i}"} for i in range(4)],
        queries=[{"_id": str(i), "text": f"query {i}"} for i in range(2)],
        qrels={"test": [("0", "1", 1), ("1", "3", 1)]},
    )
    before = _load(named).content_hash
    for name in ("corpus", "queries"):
        path = named / f"{name}.jsonl"
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        path.write_text("".join(json.dumps(row | {"_id": int(row["_id"])}) + "\n" for row in rows), encoding="utf-8")
    assert _load(named).content_hash == before


def test_parquet_and_packed_judgments_are_the_same_collection(folder: Path) -> None:
    plain = _load(folder).content_hash
    for name in ("corpus", "queries"):
        rows = pd.read_json(folder / f"{name}.jsonl", lines=True)
        rows.to_parquet(folder / f"{name}.parquet")
        (folder / f"{name}.jsonl").unlink()
    train, test = folder / "qrels" / "train.tsv", folder / "qrels" / "test.tsv"
    pd.read_csv(train, sep="\t").astype({"score": float}).to_parquet(train.with_suffix(".parquet"))
    test.with_name("test.tsv.gz").write_bytes(gzip.compress(test.read_bytes()))
    train.unlink()
    with pytest.raises(UserError, match="the split test has several files"):
        _load(folder)
    test.unlink()
    assert _load(folder).content_hash == plain


def test_a_parquet_file_that_is_none(folder: Path) -> None:
    (folder / "corpus.jsonl").unlink()
    (folder / "corpus.parquet").write_bytes(b"no parquet")
    with pytest.raises(UserError, match=r"corpus\.parquet: cannot be read as parquet \(.*\): write it again") as caught:
        _load(folder)
    assert "\n" not in str(caught.value)

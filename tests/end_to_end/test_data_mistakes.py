"""Mistakes in one's own data, through the real commands: exit code 2, one line that says how to mend it, no litter."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest

from experiments import audit, run
from tests.helpers.beir import write_beir

SMALL = (
    "tracker=none teacher=bm25 mining.num_negatives=1 mining.depth=20 execution.device=cpu execution.threads=1 "
    "execution.progress=false execution.results=null"
)
Write = Callable[[Path], None]
COMMANDS: dict[str, tuple[Callable[[list[str]], int], list[str]]] = {
    "run": (run.main, ["until=mine"]),
    "audit": (audit.main, []),
    "own_data": (run.main, ["-m", "study=own_data", "student=tiny"]),
}


def refused(root: Path, command: str, arguments: str, capsys: pytest.CaptureFixture[str]) -> str:
    """The line with which a command in `root` is refused. Checks exit code, form and what is left behind."""
    main, own = COMMANDS[command]
    given = [*own, *SMALL.split(), f"outputs={root}/outputs", *arguments.split()]
    capsys.readouterr()
    assert main(given) == 2
    line = capsys.readouterr().err
    assert line.startswith("error: ")
    assert line.count("\n") == 1
    assert "Traceback" not in line
    left = [path for path in (root / "outputs").rglob("*") if path.is_file()]
    assert not [path for path in left if "audit" in path.parts or "records" in path.parts]
    # Logs, the note that it failed, and what was counted of a whole collection before.
    assert all(
        path.suffix in {".log", ".yaml", ".lock"} or {"failures", "collections"} & {*path.parts} for path in left
    )
    return line


def text(name: str, content: str | bytes) -> Write:
    """A file `name` with this content."""

    def write(root: Path) -> None:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)

    return write


def several(*writers: Write) -> Write:
    """All of them, one after the other."""

    def write(root: Path) -> None:
        for one in writers:
            one(root)

    return write


def csv(content: str) -> Write:
    """The file x.csv."""
    return text("x.csv", content)


def beir(name: str, content: str | bytes | None, *, dev: int = 0, **sizes: int) -> Write:
    """The folder toy in BEIR form, with one file of another content; None: without it."""

    def write(root: Path) -> None:
        write_beir(root / "toy", documents=30, **{"train": 8, "test": 4, "dev": dev, "duplicates": 0} | sizes)
        if content is None:
            (root / "toy" / name).unlink()
        elif name:
            text(f"toy/{name}", content)(root)

    return write


def trec(**files: str) -> Write:
    """The folder toy of a TREC test collection, with some files of another content; "": without it."""
    plain = {
        "topics.tsv": "1\tone\n2\ttwo\n3\tthree\n4\tfour\n",
        "qrels.txt": "1 0 a 1\n2 0 b 1\n3 0 c 1\n4 0 d 1\n",
        "collection.tsv": "a\tx one\nb\tx two\nc\tx three\nd\tx four\n",
    }
    changed = {name.replace("_", "."): content for name, content in files.items()}
    return several(*(text(f"toy/{name}", one) for name, one in (plain | changed).items() if one))


def saved(**columns: list[str]) -> Write:
    """The folder toy that save_to_disk writes."""

    def write(root: Path) -> None:
        import datasets

        datasets.Dataset.from_dict(columns).save_to_disk(str(root / "toy"))

    return write


def parquet(name: str, rows: dict[str, list[object]]) -> Write:
    """A parquet file."""

    def write(root: Path) -> None:
        import pyarrow
        import pyarrow.parquet

        pyarrow.parquet.write_table(pyarrow.table(rows), root / name)

    return write


HEADER = "query-id\tcorpus-id\tscore\n"
CSV, TOY, TREC = "data=pairs data.path={root}/x.csv", "data=beir data.path={root}/toy", "data=trec data.path={root}/toy"
FOLDER = "data=pairs data.path={root}/toy"
PASSAGES = "data.corpus={root}/passages.jsonl"

MISTAKES: dict[str, tuple[Write, str, str]] = {
    # A table of pairs.
    "no query": (csv("foo,answer\na,b\n"), CSV, "name the one that holds the query with data.columns.query=NAME"),
    "no passage": (csv("query,foo\na,b\n"), CSV, "that holds the positive with data.columns.positive=NAME"),
    "named": (csv("query,answer\na,b\n"), f"{CSV} data.columns.query=frage", "data.columns.query=frage: there is no"),
    "two roles": (csv("query,answer\na,b\n"), f"{CSV} data.columns.negative=answer", "taken as positive and negative"),
    "no such role": (csv("query,answer\na,b\n"), f"{CSV} data.columns.qurey=a", "did you mean 'query'"),
    "header twice": (csv("query,query\na,b\n"), CSV, "x.csv:1: two columns are called 'query'"),
    "cells": (csv("query,answer\na,b,c\n"), CSV, "x.csv:2: 3 cells for 2 columns: put a cell that holds ','"),
    "open quote": (csv('query,answer\na,"b\nc,d\n'), CSV, "x.csv:3: cannot be read as csv"),
    "stray quote": (csv('query,answer\na,"b" c\n'), CSV, "inside a quoted cell write a quote twice"),
    "blank first line": (csv("\nquery,answer\n"), CSV, "x.csv:1: the first line is blank: it must name the columns"),
    "empty file": (csv(""), CSV, "x.csv:1: the first line is blank"),
    "header alone": (csv("query,answer\n"), CSV, "none of its 0 rows has a query and a passage that answers it"),
    "score": (csv("query,answer,score\na,b,0.5\n"), CSV, "x.csv:2: the score '0.5' is not an integer"),
    "no score": (csv("query,answer,score\na,b,\n"), CSV, "x.csv:2: the score is empty: write 0, 1, 2"),
    "query id": (csv("query_id,query,answer\n1,a,b\n1,c,b\n"), CSV, "x.csv:3: the query '1' has another text"),
    "passage id": (csv("query,doc_id,answer\na,1,b\nc,1,d\n"), CSV, "x.csv:3: the passage '1' has another text"),
    "two groups": (csv("query,doc_id,answer,group\na,1,b,g\nc,1,b,h\n"), CSV, "of group 'h' here and of 'g'"),
    "empty id": (csv("query,doc_id,answer\na,,b\n"), CSV, "x.csv:2: the doc_id is empty: give the row one"),
    "negatives alone": (csv("query,answer,label\na,b,0\n"), CSV, "none of its 1 rows has a query and a passage"),
    "one group": (csv("query,answer,group\na,b,g\nc,d,g\n"), CSV, "all of one group (by document)"),
    "one query": (csv("query,answer\na,b\n"), CSV, "no test split can be made of 1 quer"),
    "not utf-8": (text("x.csv", b"query,answer\n\xff,b\n"), CSV, "x.csv:2: not UTF-8 (byte 0): convert the file"),
    "split share": (csv("query,answer\na,b\n"), f"{CSV} data.split.test=1.5", "data.split.test=1.5"),
    "no test": (csv("query,answer\na,b\nc,d\n"), f"{CSV} data.split.test=0 until=evaluate", "has no test split"),
    "group_by": (csv("query,answer\na,b\nc,d\n"), f"{CSV} data.group_by=titel", "data.group_by=titel: should be"),
    "excel": (text("x.xlsx", ""), CSV.replace("csv", "xlsx"), "x.xlsx: tables end in .csv, .tsv"),
    "empty folder": (lambda root: (root / "toy").mkdir(), FOLDER, "toy holds no table: give a file that ends in .csv"),
    "split name": (
        several(text("toy/train.csv", "query,answer\na,b\n"), text("toy/other.csv", "query,answer\na,b\n")),
        FOLDER,
        "'other' names no split: call it train, dev (validation) or test",
    ),
    "object": (
        text("x.jsonl", '{"query": "a", "answer": {"b": 1}}\n'),
        CSV.replace("csv", "jsonl"),
        "x.jsonl:1: the field 'answer' is {'b': 1}: it must be a string",
    ),
    "broken json": (text("x.jsonl", '{"query": "a"\n'), CSV.replace("csv", "jsonl"), "x.jsonl:1: broken JSON"),
    "no json rows": (text("x.jsonl", "\n"), CSV.replace("csv", "jsonl"), "x.jsonl holds no rows: write one JSON"),
    "list of queries": (
        text("x.jsonl", '{"query": ["a", "b"], "answer": "c"}\n'),
        CSV.replace("csv", "jsonl"),
        "x.jsonl:1: the query is a list of 2: write a row for each",
    ),
    "ids of negatives": (
        text("x.jsonl", '{"query": "a", "answer": "c", "negative": ["x", "y"], "negative_id": ["1"]}\n'),
        CSV.replace("csv", "jsonl"),
        "x.jsonl:1: 1 negative ids for 2 negatives: give each its own",
    ),
    "no parquet": (text("x.parquet", "PAR1"), CSV.replace("csv", "parquet"), "x.parquet: cannot be read as parquet"),
    "parquet number": (
        parquet("x.parquet", {"query": ["a"], "answer": [7]}),
        CSV.replace("csv", "parquet"),
        "x.parquet:1: the field 'answer' is 7: it must be a string",
    ),
    "parquet column": (
        parquet("x.parquet", {"query": ["a"]}),
        CSV.replace("csv", "parquet"),
        "holds the positive with",
    ),
    "saved columns": (saved(prompt=["a"], answer=["b"]), FOLDER, "no column is called query, question, anchor"),
    "damaged": (several(saved(query=["a"]), text("toy/dataset_info.json", "{")), FOLDER, "as a saved data set"),
    "passages without ids": (
        several(csv("query,doc_id\na,1\n"), text("passages.jsonl", '{"text": "b"}\n')),
        f"{CSV} {PASSAGES}",
        "call the one that holds each passage's id _id",
    ),
    "passage twice": (
        several(csv("query,doc_id\na,1\n"), text("passages.jsonl", '{"id": "1", "text": "b"}\n' * 2)),
        f"{CSV} {PASSAGES}",
        "passages.jsonl:2: duplicate id '1', first in",
    ),
    "passage not listed": (
        several(csv("query,doc_id\na,2\n"), text("passages.jsonl", '{"id": "1", "text": "b"}\n')),
        f"{CSV} {PASSAGES}",
        "1 passages of x are not in data.corpus=",
    ),
    "no passages": (csv("query,doc_id\na,2\n"), f"{CSV} {PASSAGES}", "passages.jsonl: there is no such file"),
    # A folder in BEIR form.
    "no corpus": (beir("corpus.jsonl", None), TOY, "corpus.jsonl is missing"),
    "no queries": (beir("queries.jsonl", None), TOY, "queries.jsonl is missing"),
    "corpus line": (beir("corpus.jsonl", '{"_id": "a", "text": "t"}\n{"_id": '), TOY, "corpus.jsonl:2: broken JSON"),
    "no text": (beir("corpus.jsonl", '{"_id": "a"}\n'), TOY, "corpus.jsonl:1: the field 'text' is missing"),
    "document twice": (beir("corpus.jsonl", '{"_id": "a", "text": "t"}\n' * 2), TOY, "duplicate _id 'a', first on"),
    "blank query": (beir("queries.jsonl", '{"_id": "a", "text": " "}\n'), TOY, "the query's text is blank"),
    "no header": (beir("qrels/train.tsv", "q0\td0\t1\n"), TOY, "train.tsv:1: the header is 'q0\\td0\\t1'"),
    "grade": (beir("qrels/train.tsv", f"{HEADER}q0\td0\t1.5\n"), TOY, "train.tsv:2: the score '1.5' is not an integer"),
    "dangling": (beir("qrels/train.tsv", f"{HEADER}q0\tgone\t1\n"), TOY, "data.missing_documents=drop"),
    "archive": (
        several(beir("corpus.jsonl", None), text("toy/corpus.jsonl.gz", gzip.compress(b"x" * 99)[:-9])),
        TOY,
        "corpus.jsonl.gz:1: the archive is broken",
    ),
    "split twice": (
        several(beir("", ""), parquet("toy/qrels/train.parquet", {"query-id": ["q0"]})),
        TOY,
        "the split train has several files",
    ),
    "corpus parquet": (several(beir("corpus.jsonl", None), text("toy/corpus.parquet", "x")), TOY, "read as parquet"),
    "no train": (beir("", "", train=0), TOY, "has no train split (it has: test)"),
    "too many aside": (beir("", ""), f"{TOY} data.heldout_queries=8", "data.heldout_queries=8 must leave train"),
    "no held-out": (beir("", ""), f"{TOY} until=evaluate evaluation.splits=[heldout]", "with data.heldout_queries=N"),
    "no negatives given": (beir("", ""), f"{TOY} miner=given", "miner=given takes the negatives that the data has"),
    "no chunks": (beir("", ""), f"{TOY} mining.same_group=exclude", "nothing says what the documents of toy"),
    "a file": (csv("query,answer\na,b\n"), CSV.replace("pairs", "beir"), "and this is a file: use data=pairs"),
    "not beir": (text("toy/train.csv", "query,answer\na,b\n"), TOY, "(no qrels): read it with data=pairs"),
    "trec as beir": (trec(), TOY, "(no qrels): read it with data=trec"),
    # A TREC test collection.
    "no topics": (
        trec(topics_tsv=""),
        TREC,
        "topics.* is missing: the folder needs topics.*, qrels.* and collection.*",
    ),
    "no judgments": (trec(qrels_txt=""), TREC, "qrels.* is missing"),
    "no collection": (trec(collection_tsv=""), TREC, "collection.* is missing"),
    "qrels fields": (trec(qrels_txt="1 0 a\n"), TREC, "qrels.txt:1: '1 0 a' has 3 fields: write topic 0 document"),
    "relevance": (trec(qrels_txt="1 0 a yes\n"), TREC, "qrels.txt:1: the score 'yes' is not an integer"),
    "empty qrels": (trec(qrels_txt="\n"), TREC, "qrels.txt holds no judgments: add lines"),
    "unknown document": (trec(qrels_txt="1 0 z 1\n"), TREC, "judgment of documents that collection lacks ('z')"),
    "topic twice": (trec(topics_tsv="1\tone\n1\ttwo\n"), TREC, "topics.tsv:2: the topic '1' has two texts"),
    "topic without text": (trec(topics_tsv="1\n"), TREC, "topics.tsv:1: a topic needs an id and a text"),
    "tabs": (trec(collection_tsv="a\tb\tc\td\n"), TREC, "collection.tsv:1: 4 tab-separated fields"),
    "trec document twice": (trec(collection_tsv="a\tb\na\tc\n"), TREC, "collection.tsv:2: duplicate id 'a'"),
    "two collections": (
        several(trec(), text("toy/collection.jsonl", "{}")),
        TREC,
        "collection.jsonl is there, too: keep one collection file",
    ),
    "two judgments": (
        several(trec(), text("toy/qrels.test.txt", "1 0 a 1\n")),
        TREC,
        "is test as well: call them qrels.train.txt, qrels.test.txt",
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_run_is_refused(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write, arguments, says = MISTAKES[name]
    write(tmp_path)
    assert says in refused(tmp_path, "run", arguments.format(root=tmp_path), capsys)


@pytest.mark.parametrize(
    ("command", "name"),
    [
        *(("audit", name) for name in ("no query", "cells", "no train", "dangling", "unknown document", "no parquet")),
        *(("own_data", name) for name in ("no passage", "one query", "no train", "no topics", "damaged", "no chunks")),
    ],
)
def test_every_command_says_the_same(
    command: str, name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write, arguments, says = MISTAKES[name]
    write(tmp_path)
    assert says in refused(tmp_path, command, arguments.format(root=tmp_path), capsys)


def test_a_study_of_ones_own_arms_is_refused_before_any_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    beir("", "")(tmp_path)
    own = f"{TOY} study.arms.given=[miner=given]".format(root=tmp_path)
    assert "miner=given takes the negatives that the data has" in refused(tmp_path, "own_data", own, capsys)

"""A TREC folder is the collection that the same data in BEIR form is."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from experiments.collections.load import load_collection
from experiments.config import BeirData, TrecData
from experiments.errors import UserError
from experiments.execution import Execution
from experiments.ir import Collection
from tests.helpers.beir import write_files

CORPUS = [{"_id": f"d{i}", "title": f"t{i}", "text": f"text {i}"} for i in range(8)]
TOPICS = [(f"{300 + i}", f"query {i} & more") for i in range(4)]
JUDGED = [(name, f"d{i}", 1) for i, (name, _) in enumerate(TOPICS)] + [("300", "d7", 2), ("301", "d6", 0)]

COLLECTIONS = {
    "collection.jsonl": "".join(json.dumps({"docno": r["_id"], **r}) + "\n" for r in CORPUS),
    "collection.tsv": "".join(f"{row['_id']}\t{row['title']}\t{row['text']}\n" for row in CORPUS),
}
ALL_TOPICS = {
    "topics.tsv": "".join(f"{name}\t{text}\n" for name, text in TOPICS),
    "topics.jsonl": "".join(json.dumps({"qid": int(name), "title": text}) + "\n" for name, text in TOPICS),
    "topics.txt": "".join(
        f"<top>\n<num> Number: {name}\n<title> {text.replace('&', '&amp;')}\n<desc> x\n</top>\n"
        for name, text in TOPICS
    ),
    "topics.xml": "<topics>"
    + "".join(f'<topic number="{n}"><query>{t.replace("&", "&amp;")}</query></topic>\n' for n, t in TOPICS)
    + "</topics>",
}


def load(folder: Path, **fields: Any) -> Collection:
    execution = Execution(data_paths={"x": folder})
    return load_collection(TrecData(name="x", **fields), execution=execution, cache=folder)


def write(folder: Path, collection: str, topics: str, *, qrels: str = "qrels.txt") -> Path:
    folder.mkdir()
    (folder / collection).write_text(COLLECTIONS[collection], encoding="utf-8")
    (folder / topics).write_text(ALL_TOPICS[topics], encoding="utf-8")
    (folder / qrels).write_text("".join(f"{q} 0 {d} {g}\n" for q, d, g in JUDGED), encoding="utf-8")
    return folder


@pytest.mark.parametrize("topics", ALL_TOPICS)
@pytest.mark.parametrize("collection", COLLECTIONS)
def test_every_form_is_the_collection_in_beir_form(collection: str, topics: str, tmp_path: Path) -> None:
    queries = [{"_id": name, "text": text} for name, text in TOPICS]
    folder = write_files(tmp_path / "x", corpus=CORPUS, queries=queries, qrels={"test": JUDGED})
    beir = load_collection(BeirData(name="x"), execution=Execution(beir_home=tmp_path), cache=tmp_path)
    assert folder.is_dir()
    assert load(write(tmp_path / "trec", collection, topics), split=None).content_hash == beir.content_hash


def test_splits_are_named_by_the_file_or_made(tmp_path: Path) -> None:
    made = load(write(tmp_path / "one", "collection.tsv", "topics.tsv"))
    assert {name: len(split.queries) for name, split in made.splits.items()} == {"train": 2, "test": 1, "dev": 1}
    named = load(write(tmp_path / "two", "collection.tsv", "topics.tsv", qrels="qrels.train.txt"), split=None)
    assert set(named.splits) == {"train"}


def test_packed_files_and_mistakes(tmp_path: Path) -> None:
    folder = write(tmp_path / "x", "collection.tsv", "topics.tsv")
    before = load(folder).content_hash
    for path in list(folder.iterdir()):
        path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    assert load(folder).content_hash == before
    (folder / "qrels.txt.gz").write_bytes(gzip.compress(b"300 0 d1\n"))
    with pytest.raises(UserError, match=r"qrels.txt.gz:1: '300 0 d1' has 3 fields: write topic 0 document relevance"):
        load(folder)
    (folder / "qrels.txt.gz").write_bytes(gzip.compress(b"300 0 gone 1\n"))
    with pytest.raises(UserError, match=r"1 judgment of documents that collection lacks \('gone'\)"):
        load(folder)
    (folder / "topics.tsv.gz").unlink()
    with pytest.raises(UserError, match=r"topics.\* is missing: the folder needs topics.\*, qrels.\* and collection"):
        load(folder)

"""A large corpus that is kept as a mapped file is the corpus that its own file holds, and follows that file."""

from __future__ import annotations

import gzip
import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments import contents
from experiments.collections import noted, stored
from experiments.collections.beir import read_beir
from experiments.collections.beir_files import corpus_of, read_corpus
from experiments.collections.carve import carve
from experiments.collections.mapped import MadeTexts
from experiments.collections.stored import StoredCorpus
from experiments.config import BeirData
from experiments.errors import UserError
from experiments.execution import Execution
from experiments.ir import Corpus, first_equal, hash_texts, text_keys
from experiments.miners.texts import group_texts
from tests.helpers.beir import write_beir

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
ROWS = st.lists(st.tuples(TEXTS, TEXTS, st.sampled_from(["", "w1", "w2"])), min_size=1, max_size=30)
WHAT = ("ids", "titles", "texts", "parents", "passages", "normalised")


@pytest.fixture(autouse=True)
def _every_corpus_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored, "LEAST", 0)
    monkeypatch.setattr(contents, "SETTLED_NS", 0)
    monkeypatch.setattr(stored, "ROWS_AT_ONCE", 7)


def _write(path: Path, rows: list[tuple[str, str, str]]) -> Path:
    lines = [
        {"_id": f"d{i}", "title": title, "text": text, "metadata": {"parent": parent} if parent else {}}
        for i, (title, text, parent) in enumerate(rows)
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


def _same(one: Corpus, other: Corpus) -> None:
    for name in WHAT:
        assert list(getattr(one, name)) == list(getattr(other, name)), name
    assert len(one) == len(other)
    assert one.content_hash == other.content_hash
    assert hash_texts(one.passages) == hash_texts(list(other.passages))
    assert one.without_text == other.without_text
    np.testing.assert_array_equal(one.keys, other.keys)
    np.testing.assert_array_equal(one.first_equal, other.first_equal)


@settings(deadline=None, max_examples=30)
@given(rows=ROWS, parents=st.sampled_from(["query", "title", "document", "auto"]))
def test_it_is_the_corpus_of_its_file(
    rows: list[tuple[str, str, str]], parents: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("corpus")
    path, cache = _write(folder / "corpus.jsonl", rows), folder / "collections"
    plain, first, again = (read_corpus(path, parents=parents, cache=kept) for kept in (None, cache, cache))
    assert isinstance(first, StoredCorpus)
    assert isinstance(again, StoredCorpus)
    assert not isinstance(plain, StoredCorpus)
    for corpus in (first, again, pickle.loads(pickle.dumps(again))):
        _same(corpus, plain)
    chosen = np.arange(len(plain), dtype=np.int32)[::-2]
    assert again.take(chosen) == plain.take(chosen)
    assert again.texts[-1] == plain.texts[-1]
    assert again.passages[1:] == tuple(plain.passages[1:])
    with pytest.raises(IndexError):
        again.passages[len(plain)]


@given(texts=st.lists(st.sampled_from(["a", "b", "c", "ä", "", "a\ud800"]), max_size=20))
def test_the_first_equal_text_is_found(texts: list[str]) -> None:
    assert first_equal(text_keys(texts)).tolist() == [texts.index(text) for text in texts]


def test_texts_are_equal_by_what_they_hold() -> None:
    texts = MadeTexts(str.upper, ("a", "b"))
    assert texts == ("A", "B")
    assert tuple(texts) == texts
    assert texts != ("A",)
    assert texts != ("A", "C")
    assert texts != "AB"
    assert texts != 7


def test_a_collection_and_its_text_groups_are_the_same(tmp_path: Path) -> None:
    write_beir(tmp_path / "toy", duplicates=9, leaks=2)
    data, execution = BeirData(name="toy"), Execution(beir_home=tmp_path, progress=False)
    found = [
        carve(read_beir(data, execution=execution, cache=cache), data) for cache in (tmp_path / "c", Path("/no/c"))
    ]
    kept, plain = found
    assert isinstance(kept.corpus, StoredCorpus)
    assert not isinstance(plain.corpus, StoredCorpus)
    assert kept.content_hash == plain.content_hash
    assert kept.report == plain.report
    for ignored in (False, True):
        one, other = (group_texts(collection, ignore_identical_ids=ignored) for collection in found)
        for name in vars(other):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


def test_it_is_written_anew_when_its_file_or_the_code_changes_or_it_is_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "collections"
    path = _write(tmp_path / "corpus.jsonl", [("", "one", ""), ("", "two", "")])
    mapped = read_corpus(path, cache=cache)
    (folder,) = (found for found in cache.iterdir() if found.is_dir())
    written = (folder / "facts.json").stat().st_mtime_ns
    read_corpus(path, cache=cache)
    assert (folder / "facts.json").stat().st_mtime_ns == written
    _write(path, [("", "one", ""), ("", "changed", ""), ("", "three", "")])
    assert tuple(read_corpus(path, cache=cache).texts) == ("one", "changed", "three")
    assert tuple(mapped.texts) == ("one", "two")  # who has the old one open keeps it
    for name in ("facts.json", "texts.arrow"):
        (folder / name).write_bytes((folder / name).read_bytes()[:-40])
        corpus = read_corpus(path, cache=cache)
        assert isinstance(corpus, StoredCorpus)
        assert tuple(corpus.texts) == ("one", "changed", "three")
    written = (folder / "facts.json").stat().st_mtime_ns
    monkeypatch.setattr(noted, "_code", lambda: "another")
    assert isinstance(read_corpus(path, cache=cache), StoredCorpus)
    assert (folder / "facts.json").stat().st_mtime_ns != written
    assert [found.name for found in cache.iterdir() if found.is_dir()] == [folder.name]


def test_a_small_or_changing_file_and_a_store_that_takes_nothing_leave_texts_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, cache = _write(tmp_path / "corpus.jsonl", [("t", "one", "")]), tmp_path / "store" / "collections"
    assert not isinstance(read_corpus(path, cache=cache), StoredCorpus)  # no store: nothing may be left
    assert not cache.parent.exists()
    cache.parent.write_text("a file", encoding="utf-8")
    assert tuple(read_corpus(path, cache=cache).texts) == ("one",)
    cache.parent.unlink()
    cache.parent.mkdir()
    monkeypatch.setattr(contents, "SETTLED_NS", 10**15)
    assert not isinstance(read_corpus(path, cache=cache), StoredCorpus)
    monkeypatch.setattr(contents, "SETTLED_NS", 0)
    monkeypatch.setattr(stored, "LEAST", path.stat().st_size + 1)
    assert not isinstance(read_corpus(path, cache=cache), StoredCorpus)
    assert list(cache.parent.iterdir()) == []


def test_a_defect_is_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    path, cache = tmp_path / "corpus.jsonl", tmp_path / "collections"
    rows = ['{"_id": "a", "text": "t"}\n'] * 2
    path.write_text("".join(rows), encoding="utf-8")
    with pytest.raises(UserError, match=r"corpus\.jsonl:2: duplicate _id 'a', first on line 1: ids must differ"):
        read_corpus(path, cache=cache)
    assert [found.name for found in cache.iterdir() if found.is_dir()] == []


def test_gzip_is_kept_too(tmp_path: Path) -> None:
    path = tmp_path / "corpus.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"_id": "a", "title": "x", "text": "y"}\n'))
    kept = read_corpus(path, cache=tmp_path / "collections")
    assert isinstance(kept, StoredCorpus)
    _same(kept, corpus_of(path, [(1, {"_id": "a", "title": "x", "text": "y"})]))

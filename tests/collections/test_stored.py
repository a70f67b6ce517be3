"""A large corpus that is kept as a mapped file is the corpus that its own file holds, and follows that file."""

from __future__ import annotations

import gzip
import json
import multiprocessing
import pickle
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments import contents
from experiments.collections import noted, stored, storing
from experiments.collections.beir import read_beir
from experiments.collections.beir_files import corpus_of, read_corpus
from experiments.collections.carve import carve
from experiments.collections.mapped import MadeTexts, MappedTexts
from experiments.collections.stored import Document, StoredCorpus, is_current
from experiments.config import BeirData
from experiments.errors import UserError
from experiments.execution import Execution
from experiments.ir import Corpus, first_equal, hash_texts, text_keys
from experiments.miners.texts import group_texts
from tests.helpers.beir import write_beir

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
ROWS = st.lists(st.tuples(TEXTS, TEXTS, st.sampled_from(["", "w1", "w2"])), min_size=1, max_size=30)
PLACES = st.none() | st.integers(-12, 12)
WHAT = ("ids", "titles", "texts", "parents", "passages", "normalised")


@pytest.fixture(autouse=True)
def _every_corpus_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storing, "LEAST", 0)
    monkeypatch.setattr(contents, "SETTLED_NS", 0)
    monkeypatch.setattr(storing, "ROWS_AT_ONCE", 7)


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


@given(
    texts=st.lists(TEXTS, max_size=9), start=PLACES, stop=PLACES, step=PLACES.filter(lambda step: step != 0), cut=PLACES
)
def test_slices_and_places_are_those_of_a_tuple(
    texts: list[str], start: int | None, stop: int | None, step: int | None, cut: int | None
) -> None:
    chunks = [pa.array(texts[:cut], pa.large_string()), pa.array(texts[len(texts[:cut]) :], pa.large_string())]
    mapped = MappedTexts(pa.chunked_array(chunks))
    made = MadeTexts(str.upper, mapped)
    assert mapped[start:stop:step] == tuple(texts)[start:stop:step]
    assert made[start:stop:step] == tuple(map(str.upper, texts))[start:stop:step]
    for at in np.arange(-len(texts), len(texts)):
        assert mapped[at] == texts[at]
        assert made[at] == texts[at].upper()
    assert (list(mapped), list(made)) == (texts, list(map(str.upper, texts)))


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
    monkeypatch.setattr(storing, "LEAST", path.stat().st_size + 1)
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


def test_parquet_with_whole_numbers_as_ids_and_lines_that_end_as_on_windows(tmp_path: Path) -> None:
    rows = {"_id": [7, 8], "title": [None, "t"], "text": ["one", "two"]}
    pq.write_table(pa.table(rows), tmp_path / "corpus.parquet")
    lines = b'{"_id": 7, "text": "one"}\r\n\r\n{"_id": 8.0, "title": "t", "text": "two"}\r\n'
    (tmp_path / "corpus.jsonl").write_bytes(b"\xef\xbb\xbf" + lines)
    for name in ("corpus.parquet", "corpus.jsonl"):
        kept = read_corpus(tmp_path / name, cache=tmp_path / "collections")
        assert isinstance(kept, StoredCorpus)
        _same(kept, Corpus(ids=("7", "8"), titles=("", "t"), texts=("one", "two")))


def test_who_has_a_corpus_open_keeps_all_of_it_when_another_takes_its_place(tmp_path: Path) -> None:
    cache = tmp_path / "collections"
    path = _write(tmp_path / "corpus.jsonl", [("", "same", ""), ("", "other", ""), ("", "same", "")])
    opened, plain = read_corpus(path, cache=cache), read_corpus(path)
    _write(path, [("", "a", ""), ("", "a", ""), ("", "a", "")])
    assert read_corpus(path, cache=cache).first_equal.tolist() == [0, 0, 0]
    _same(opened, plain)
    assert opened.first_equal.tolist() == [0, 1, 0]


def test_a_corpus_that_is_replaced_while_it_is_opened_is_not_mixed_with_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both have as many documents, so that no length tells them apart."""
    path, cache, other = tmp_path / "corpus.jsonl", tmp_path / "collections", tmp_path / "other"
    _write(path, [("", "new", "")])
    read_corpus(path, cache=cache)
    (folder,) = (found for found in cache.iterdir() if found.is_dir())
    folder.rename(other)
    _write(path, [("", "old", "")])
    state = stored.present_state(path)
    assert state is not None
    read_corpus(path, cache=cache)
    columns = stored.mapped_columns

    def replaced_meanwhile(texts: Path) -> list[MappedTexts]:
        shutil.rmtree(folder)
        other.rename(folder)
        return columns(texts)

    monkeypatch.setattr(stored, "mapped_columns", replaced_meanwhile)
    assert stored.open_corpus(folder, state) is None


def test_processes_that_ask_at_once_write_it_once(tmp_path: Path) -> None:
    path = _write(tmp_path / "corpus.jsonl", [("", f"text {i % 5}", "") for i in range(40)])
    cache, told = tmp_path / "collections", tmp_path / "told"
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=_read_noisily, args=(path, cache, told)) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * 4
    assert told.read_text(encoding="utf-8") == "read\n"
    assert sorted(found.suffix for found in cache.iterdir()) == ["", ".lock"]


def _read_noisily(path: Path, cache: Path, told: Path) -> None:
    def documents() -> Iterator[Document]:
        with told.open("a", encoding="utf-8") as file:
            file.write("read\n")
        yield from (Document(f"d{i}", "", f"text {i % 5}", "") for i in range(40))

    corpus = storing.stored_corpus(path, documents, parents="query", cache=cache)
    assert corpus is not None
    assert corpus.first_equal.tolist() == [i % 5 for i in range(40)]


def test_what_a_killed_writer_left_goes_and_a_writer_whose_folder_is_cleared_reads_into_memory(tmp_path: Path) -> None:
    path = _write(tmp_path / "corpus.jsonl", [("", "one", "")] * 20)
    cache = tmp_path / "collections"
    left = stored.corpus_folder(cache, path, parents="query").with_name(
        f".{stored.corpus_folder(cache, path, parents='query').name}.deadbeef"
    )
    left.mkdir(parents=True)

    def cleared() -> Iterator[Document]:
        assert not left.exists()
        yield Document("d0", "", "one", "")
        for scratch in cache.glob(".*"):
            shutil.rmtree(scratch)
        yield Document("d1", "", "two", "")

    assert storing.stored_corpus(path, cleared, parents="query", cache=cache) is None
    assert isinstance(read_corpus(path, cache=cache), StoredCorpus)
    assert sorted(found.suffix for found in cache.iterdir()) == ["", ".lock"]


FULL = """
import resource, sys
from pathlib import Path
from experiments import contents
from experiments.collections import storing
from experiments.collections.beir_files import read_corpus
from experiments.collections.stored import StoredCorpus

storing.LEAST = contents.SETTLED_NS = 0
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), int(sys.argv[3])))
corpus = read_corpus(Path(sys.argv[1]), cache=Path(sys.argv[2]))
print(isinstance(corpus, StoredCorpus), len(corpus), corpus.first_equal.tolist() == list(range(2000)))
"""


@pytest.mark.parametrize(("limit", "kept"), [(20_000, False), (10**9, True)])
def test_where_the_disk_takes_no_more_texts_are_held_in_memory(tmp_path: Path, limit: int, kept: bool) -> None:
    path = _write(tmp_path / "corpus.jsonl", [("", f"{i:090}", "") for i in range(2000)])
    cache = tmp_path / "collections"
    command = [sys.executable, "-c", FULL, str(path), str(cache), str(limit)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split() == [str(kept), "2000", "True"]
    assert [found.is_dir() for found in cache.iterdir() if found.suffix != ".lock"] == [True] * kept


def test_a_corpus_is_current_while_its_file_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = _write(tmp_path / "corpus.jsonl", [("", "one", "")])
    cache = tmp_path / "collections"
    read_corpus(path, cache=cache)
    (folder,) = stored.corpus_folders(cache)
    assert is_current(folder)
    with monkeypatch.context() as changed:
        changed.setattr(noted, "_code", lambda: "another")
        assert not is_current(folder)
    path.rename(tmp_path / "elsewhere.jsonl")
    assert not is_current(folder)
    (tmp_path / "elsewhere.jsonl").rename(path)
    _write(path, [("", "two", "")])
    assert not is_current(folder)
    read_corpus(path, cache=cache)
    assert is_current(folder)
    (folder / "facts.json").unlink()
    assert not is_current(folder)

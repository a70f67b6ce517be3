"""A folder is read once a process while its files stay, and again as soon as one changes."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from experiments import contents
from experiments.collections import kept
from experiments.collections.kept import kept_collection
from experiments.ir import Collection, Corpus


@pytest.fixture(autouse=True)
def _none_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "_KEPT", kept.OrderedDict())
    monkeypatch.setattr(contents, "SETTLED_NS", 0)


def reader(path: Path) -> Callable[[], Collection]:
    def read() -> Collection:
        lines = tuple(path.read_text(encoding="utf-8").split())
        corpus = Corpus(ids=lines, titles=("",) * len(lines), texts=lines)
        return Collection("some", corpus, {}, np.ones(len(lines), dtype=np.bool_), {})

    return read


def test_the_same_files_give_the_same_value_and_changed_ones_another(tmp_path: Path) -> None:
    path = tmp_path / "corpus.jsonl"
    path.write_text("a b", encoding="utf-8")
    first = kept_collection("{}", [path], reader(path))
    assert kept_collection("{}", [path], reader(path)) is first
    assert kept_collection('{"name": 1}', [path], reader(path)) is not first
    path.write_text("a c", encoding="utf-8")
    os.utime(path, (1, 1))
    assert kept_collection("{}", [path], reader(path)).corpus.ids == ("a", "c")
    more = tmp_path / "queries.jsonl"
    more.write_text("x", encoding="utf-8")
    assert kept_collection("{}", [path, more], reader(path)) is not kept_collection("{}", [path], reader(path))


def test_files_that_have_just_changed_are_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contents, "SETTLED_NS", 60_000_000_000)
    path = tmp_path / "corpus.jsonl"
    path.write_text("a", encoding="utf-8")
    assert kept_collection("{}", [path], reader(path)) is not kept_collection("{}", [path], reader(path))


def test_the_oldest_goes_first_and_the_last_one_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "MOST", 3)
    path = tmp_path / "corpus.jsonl"
    path.write_text("a b", encoding="utf-8")
    first = kept_collection("1", [path], reader(path))
    second = kept_collection("2", [path], reader(path))
    assert kept_collection("2", [path], reader(path)) is second
    assert kept_collection("1", [path], reader(path)) is not first
    path.write_text("a b c d e", encoding="utf-8")
    large = kept_collection("3", [path], reader(path))
    assert kept_collection("3", [path], reader(path)) is large

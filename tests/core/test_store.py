"""An artifact counts once it is whole, is made once, and is never mistaken for another."""

from __future__ import annotations

import json
import multiprocessing
import time
from pathlib import Path

import pytest

from experiments.store import DESCRIPTOR, Store, StoreMismatchError


def test_made_once_then_found(tmp_path: Path) -> None:
    store = Store(tmp_path)
    calls: list[int] = []

    def make(folder: Path) -> None:
        calls.append(1)
        (folder / "data.txt").write_text("x")

    first = store.get_or_make("mine", {"version": 1, "a": 1.0}, make)
    second = store.get_or_make("mine", {"a": 1.0, "version": 1}, make)
    assert (first.made, second.made, len(calls)) == (True, False, 1)
    assert first.path == second.path
    assert second.seconds == pytest.approx(first.seconds, abs=1e-3)
    assert (second.path / "data.txt").read_text() == "x"


def test_stage_and_payload_both_name_the_artifact(tmp_path: Path) -> None:
    store = Store(tmp_path)
    keys = {
        store.get_or_make(stage, payload, lambda folder: None).key
        for stage, payload in [("a", {"v": 1}), ("b", {"v": 1}), ("a", {"v": 2}), ("a", {"v": "1"})]
    }
    assert len(keys) == 4


def test_failure_leaves_nothing_and_the_next_call_makes_it(tmp_path: Path) -> None:
    store = Store(tmp_path)

    def fail(folder: Path) -> None:
        (folder / "half").write_text("half")
        raise RuntimeError("boom")

    with pytest.raises(RuntimeError, match="boom"):
        store.get_or_make("train", {"v": 1}, fail)
    assert [path for path in tmp_path.rglob("*") if path.name == "half"] == []
    assert store.find("train", {"v": 1}) is None
    assert store.get_or_make("train", {"v": 1}, lambda folder: None).made


def test_a_folder_without_descriptor_is_made_again(tmp_path: Path) -> None:
    store = Store(tmp_path)
    artifact = store.get_or_make("train", {"v": 1}, lambda folder: None)
    (artifact.path / DESCRIPTOR).unlink()
    assert store.get_or_make("train", {"v": 1}, lambda folder: None).made


def test_a_descriptor_that_holds_another_payload_raises_and_shows_the_field(tmp_path: Path) -> None:
    store = Store(tmp_path)
    artifact = store.get_or_make("train", {"lr": 1e-4, "steps": 60}, lambda folder: None)
    path = artifact.path / DESCRIPTOR
    stored = json.loads(path.read_text())
    stored["payload"]["lr"] = 3e-4
    path.write_text(json.dumps(stored))
    with pytest.raises(StoreMismatchError, match=r"lr: stored 0\.0003, asked 0\.0001"):
        store.get_or_make("train", {"lr": 1e-4, "steps": 60}, lambda folder: None)


def _contend(root: Path, marks: Path) -> None:
    def make(folder: Path) -> None:
        (marks / f"{time.time_ns()}").write_text("")
        time.sleep(0.3)

    Store(root).get_or_make("embed", {"v": 1}, make)


def test_processes_that_want_the_same_artifact_make_it_once(tmp_path: Path) -> None:
    marks = tmp_path / "marks"
    marks.mkdir()
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=_contend, args=(tmp_path / "store", marks)) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0, 0, 0, 0]
    assert len(list(marks.iterdir())) == 1

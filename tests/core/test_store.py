"""An artifact counts once it is whole, is made once, and is never mistaken for another."""

from __future__ import annotations

import errno
import hashlib
import json
import logging
import multiprocessing
import os
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from filelock import FileLock

from experiments import contents
from experiments.errors import UserError
from experiments.files import StorageError
from experiments.store import DESCRIPTOR, Store, StoreMismatchError

PAYLOAD = {"v": 1}


@pytest.fixture
def warned(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """What the store has warned of so far."""
    return lambda: [entry.getMessage() for entry in caplog.records if entry.levelno == logging.WARNING]


def make_all(folder: Path) -> None:
    """One file of each form that the stages write."""
    np.save(folder / "vectors.npy", np.arange(4096, dtype=np.float32).reshape(64, 64))
    np.savez(folder / "candidates.npz", document=np.arange(50))
    pd.DataFrame({"query_id": ["a", "b"], "score": [0.5, 0.25]}).to_parquet(folder / "run.parquet")
    (folder / "scores.json").write_text('{"nDCG@10": 0.41}')
    (folder / "model").mkdir()
    (folder / "model" / "model.safetensors").write_bytes(bytes(range(256)))


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-7])


def edit(path: Path) -> None:
    path.write_text(path.read_text().replace("0.41", "0.99"))


def edit_unseen(path: Path) -> None:
    """As many bytes as before, under the times that the file had."""
    before = path.stat()
    edit(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


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


DAMAGES: list[tuple[str, Callable[[Path], None], str]] = [
    ("vectors.npy", flip, "vectors.npy does not hold what was written"),
    ("candidates.npz", flip, "candidates.npz does not hold what was written"),
    ("run.parquet", truncate, "run.parquet has .* bytes for .*"),
    ("scores.json", edit, "scores.json does not hold what was written"),
    ("scores.json", edit_unseen, "scores.json does not hold what was written"),
    ("model/model.safetensors", Path.unlink, "model/model.safetensors is missing"),
    ("model/adapter_config.json", Path.touch, "model/adapter_config.json was added"),
    (DESCRIPTOR, truncate, "its artifact.json cannot be read"),
    (DESCRIPTOR, lambda path: path.write_bytes(b"\xff\xfe{}") and None, "its artifact.json cannot be read"),
    (DESCRIPTOR, lambda path: path.write_text("[]") and None, "its artifact.json cannot be read"),
    (DESCRIPTOR, Path.unlink, "its artifact.json is missing"),
]


@pytest.mark.parametrize(("name", "damage", "reason"), DAMAGES)
def test_a_damaged_artifact_is_made_anew_with_one_line(
    tmp_path: Path, warned: Callable[[], list[str]], name: str, damage: Callable[[Path], None], reason: str
) -> None:
    store = Store(tmp_path)
    artifact = store.get_or_make("embed", PAYLOAD, make_all)
    assert not store.get_or_make("embed", PAYLOAD, make_all).made
    before = files_of(artifact.path)
    damage(artifact.path / name)
    again = store.get_or_make("embed", PAYLOAD, make_all)
    assert again.made
    (line,) = warned()
    assert line.startswith(f"{artifact.path} is made anew: ")
    assert re.fullmatch(reason + r"( \(.*\))?", line.partition(" is made anew: ")[2])
    after = files_of(artifact.path)
    assert after.keys() == before.keys()
    assert all(after[file] == before[file] for file in before if file not in (DESCRIPTOR, "candidates.npz"))
    assert not store.get_or_make("embed", PAYLOAD, make_all).made
    assert len(warned()) == 1


@pytest.mark.parametrize("settled", [0, 10**12], ids=["remembered", "hashed each time"])
def test_damage_after_the_first_use_in_a_process_is_seen_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settled: int
) -> None:
    store = Store(tmp_path)
    artifact = store.get_or_make("embed", PAYLOAD, make_all)
    monkeypatch.setattr(contents, "SETTLED_NS", settled)
    assert not store.get_or_make("embed", PAYLOAD, make_all).made
    time.sleep(0.05)  # more than the file system's clock needs to tick
    edit_unseen(artifact.path / "scores.json")
    assert store.get_or_make("embed", PAYLOAD, make_all).made


def test_a_file_is_read_in_full_once_a_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(tmp_path)
    store.get_or_make("embed", PAYLOAD, make_all)
    monkeypatch.setattr(contents, "SETTLED_NS", 0)
    read: list[str] = []
    in_full = contents._read_sha256
    monkeypatch.setattr(contents, "_read_sha256", lambda path: read.append(path.name) or in_full(path))
    for _ in range(3):
        assert not store.get_or_make("embed", PAYLOAD, make_all).made
    assert sorted(read) == sorted(set(read))
    assert len(read) == 5


def test_a_large_artifact_is_read_in_full_once_until_a_file_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(tmp_path)
    artifact = store.get_or_make("embed", PAYLOAD, make_all)
    read: list[str] = []
    in_full = contents._read_sha256
    monkeypatch.setattr(contents, "_read_sha256", lambda path: read.append(path.name) or in_full(path))
    monkeypatch.setattr(contents, "LARGE", 0)

    def look() -> list[str]:
        """What another process would read."""
        contents._sha256_of.cache_clear()
        read.clear()
        assert not store.get_or_make("embed", PAYLOAD, make_all).made
        return sorted(read)

    every = sorted(Path(name).name for name in files_of(artifact.path) if name != DESCRIPTOR)
    assert look() == look() == every  # files that have just changed are noted by nobody
    monkeypatch.setattr(contents, "SETTLED_NS", 0)
    assert look() == every
    assert look() == []
    same = artifact.path / "scores.json"
    same.write_bytes(same.read_bytes())
    assert look() == every
    assert look() == []
    (artifact.path / contents.READ).write_bytes(b"\xff")
    assert look() == every
    time.sleep(0.05)  # more than the file system's clock needs to tick
    edit_unseen(artifact.path / "scores.json")
    contents._sha256_of.cache_clear()
    assert store.find("embed", PAYLOAD) is None


def test_the_descriptor_holds_what_sha256_says_of_every_file(tmp_path: Path) -> None:
    artifact = Store(tmp_path).get_or_make("embed", PAYLOAD, make_all)
    files = files_of(artifact.path)
    stored = json.loads(files.pop(DESCRIPTOR))["files"]
    assert stored == {
        name: {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()} for name, data in files.items()
    }


def test_an_artifact_without_checksums_is_made_anew_and_says_so(
    tmp_path: Path, warned: Callable[[], list[str]]
) -> None:
    store = Store(tmp_path)
    artifact = store.get_or_make("embed", PAYLOAD, make_all)
    stored = json.loads((artifact.path / DESCRIPTOR).read_text())
    del stored["files"]
    (artifact.path / DESCRIPTOR).write_text(json.dumps(stored))
    assert store.find("embed", PAYLOAD) is None
    assert store.get_or_make("embed", PAYLOAD, make_all).made
    reason = "its artifact.json holds no checksums (an older version wrote it)"
    assert warned() == [
        f"{artifact.path} counts as not made: {reason}",
        f"{artifact.path} is made anew: {reason}",
    ]


def test_hidden_files_that_others_leave_in_an_artifact_do_no_harm(tmp_path: Path) -> None:
    store = Store(tmp_path)
    artifact = store.get_or_make("embed", PAYLOAD, make_all)
    (artifact.path / ".DS_Store").write_text("")
    assert not store.get_or_make("embed", PAYLOAD, make_all).made


def test_a_damaged_artifact_stays_where_it_is_until_it_has_been_made_anew(tmp_path: Path) -> None:
    store = Store(tmp_path)
    artifact = store.get_or_make("embed", PAYLOAD, make_all)
    flip(artifact.path / "vectors.npy")
    before = files_of(artifact.path)

    def fail(folder: Path) -> None:
        raise RuntimeError("boom")

    with pytest.raises(RuntimeError, match="boom"):
        store.get_or_make("embed", PAYLOAD, fail)
    assert files_of(artifact.path) == before
    assert store.find("embed", PAYLOAD) is None


def _killed_while_making(root: Path, payload: dict[str, int]) -> None:
    def make(folder: Path) -> None:
        (folder / "half").write_text("half")
        os.kill(os.getpid(), signal.SIGKILL)

    Store(root).get_or_make("embed", payload, make)


@pytest.mark.parametrize("wanted", [1, 2], ids=["the same artifact", "another of the stage"])
def test_what_a_killed_process_left_is_removed_when_an_artifact_is_made_next(tmp_path: Path, wanted: int) -> None:
    worker = multiprocessing.get_context("fork").Process(target=_killed_while_making, args=(tmp_path, PAYLOAD))
    worker.start()
    worker.join()
    assert worker.exitcode == -signal.SIGKILL
    assert len(list(tmp_path.rglob("half"))) == 1
    artifact = Store(tmp_path).get_or_make("embed", {"v": wanted}, make_all)
    left = {path.name for path in artifact.path.parent.iterdir() if path.suffix != ".lock"}
    assert left == {artifact.key}


def test_the_scratch_of_a_process_at_work_is_left_alone(tmp_path: Path) -> None:
    store = Store(tmp_path)
    scratch = tmp_path / "embed" / ".0123456789abcdef.deadbeef"
    scratch.mkdir(parents=True)
    with FileLock(tmp_path / "embed" / "0123456789abcdef.lock"):
        store.get_or_make("embed", PAYLOAD, make_all)
        assert scratch.is_dir()
    store.get_or_make("embed", {"v": 2}, make_all)
    assert not scratch.exists()


def test_locks_are_one_empty_file_a_key_however_often_it_is_made(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for _ in range(3):
        artifact = store.get_or_make("embed", PAYLOAD, make_all)
        (artifact.path / DESCRIPTOR).unlink()
    (lock,) = artifact.path.parent.glob("*.lock")
    assert lock.stat().st_size == 0


@pytest.mark.parametrize(
    ("number", "fix"),
    [
        (errno.ENOSPC, "free some space there"),
        (errno.EDQUOT, "have the quota raised"),
        (errno.EROFS, "make it writable"),
    ],
)
def test_a_disk_that_takes_no_more_is_one_line_and_leaves_nothing(tmp_path: Path, number: int, fix: str) -> None:
    def fail(folder: Path) -> None:
        (folder / "half").write_text("half")
        try:
            raise OSError(number, os.strerror(number))
        except OSError as error:
            raise RuntimeError("a library's own words") from error

    with pytest.raises(StorageError) as caught:
        Store(tmp_path).get_or_make("embed", PAYLOAD, fail)
    line = str(caught.value)
    assert line.startswith(f"{tmp_path / 'embed'}: cannot be written ({os.strerror(number)}, ")
    assert fix in line
    assert line.endswith("or name another store (execution.store=...)")
    assert "\n" not in line
    assert [path.suffix for path in (tmp_path / "embed").iterdir()] == [".lock"]


def test_an_error_that_is_not_the_disks_keeps_its_name(tmp_path: Path) -> None:
    def fail(folder: Path) -> None:
        Path("/proc/no/such/file").read_text()

    with pytest.raises(FileNotFoundError):
        Store(tmp_path).get_or_make("embed", PAYLOAD, fail)


def test_a_store_that_is_no_folder_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "embed").write_text("a file")
    with pytest.raises(UserError, match="Not a directory"):
        Store(tmp_path).get_or_make("embed", PAYLOAD, make_all)


def test_a_finished_artifact_is_handed_out_where_nothing_may_be_written(tmp_path: Path) -> None:
    store = Store(tmp_path)
    artifact = store.get_or_make("embed", PAYLOAD, make_all)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    assert store.get_or_make("embed", PAYLOAD, make_all).path == artifact.path
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before

"""Which runs a process is at: each holds its run's lock from start to end, and the lock dies with the process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from experiments.files import storage_errors


def lock_path(root: Path, run_id: str) -> Path:
    """The lock of a run in the store `root`."""
    return root / "held" / f"{run_id}.lock"


@contextmanager
def hold_run(root: Path, run_id: str, *, waiting: Callable[[], object] | None = None) -> Iterator[None]:
    """Hold a run of the store `root`; a process that holds it already holds it once more.

    waiting: called where another process holds it, before that is waited for; None = not waited for, raises Timeout.
    Raises StorageError.
    """
    path = lock_path(root, run_id)
    # One a process, so that a sweep that holds a run does not wait for itself when it executes it.
    lock = FileLock(path, is_singleton=True)
    with storage_errors(path.parent, elsewhere="name another folder"):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            if waiting is None:
                raise
            waiting()
            lock.acquire()
    try:
        yield
    finally:
        lock.release()


def is_held(root: Path, run_id: str) -> bool:
    """Whether another process is at the run at this moment; nothing is made. Raises StorageError."""
    if not lock_path(root, run_id).is_file():
        return False
    try:
        with hold_run(root, run_id):
            return False
    except Timeout:
        return True

"""Which runs a process is at: each holds its run's lock from start to end, and the lock dies with the process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from experiments.files import storage_errors
from experiments.records.folder import failure_path
from experiments.scratch import is_locked, locked


@contextmanager
def hold_run(root: Path, run_id: str) -> Iterator[None]:
    """Hold a run of the store `root`, waiting until no other process does. Raises StorageError."""
    note = failure_path(root, run_id)
    with storage_errors(note.parent, elsewhere="name another folder"), locked(note):
        yield


def is_held(root: Path, run_id: str) -> bool:
    """Whether a process is at the run at this moment."""
    return is_locked(failure_path(root, run_id))

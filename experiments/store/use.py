"""Which processes use a store: each holds a shared lock for as long as it works there, and it dies with the process."""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from experiments.files import storage_errors
from experiments.store.artifacts import ELSEWHERE

FILE = "in_use.lock"


@contextmanager
def at_work(root: Path, *, when_alone: Callable[[Path], None] | None = None) -> Iterator[None]:
    """Hold a share of the store's lock. Raises StorageError.

    when_alone: called first where no other process works there; one that comes meanwhile waits for it.
    """
    with _opened(root) as file:
        if when_alone is not None and _take(file, fcntl.LOCK_EX | fcntl.LOCK_NB):
            when_alone(root)
        _take(file, fcntl.LOCK_SH)
        yield


@contextmanager
def alone(root: Path) -> Iterator[bool]:
    """Whether no other process works in the store; where it is so, none begins to until the block ends."""
    with _opened(root) as file:
        yield _take(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextmanager
def _opened(root: Path) -> Iterator[IO[bytes]]:
    with storage_errors(root, elsewhere=ELSEWHERE):
        root.mkdir(parents=True, exist_ok=True)
        file = (root / FILE).open("a+b")  # NFS gives a shared lock only to who may read
    with file:
        yield file


def _take(file: IO[bytes], how: int) -> bool:
    try:
        fcntl.flock(file, how)
    except BlockingIOError:
        return False
    return True

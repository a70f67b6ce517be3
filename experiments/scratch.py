"""Scratch folders that become an artifact's folder in one rename, and the lock under which that happens.

A scratch folder stands beside the final one as `.<key>.<8 hex digits>` and is touched only by who holds the key's lock.
So is `.<key>.partial`, from which what was stopped goes on: it outlives the process.

Of each key one empty `<key>.lock` stays: unlinking it would let two waiting processes lock different files of one name.
"""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

PARTIAL = ".partial"


@contextmanager
def locked(final: Path, *, timeout: float = -1) -> Iterator[None]:
    """Hold the lock of `final`, waiting `timeout` seconds (-1 = for ever) for it. Raises Timeout, OSError."""
    final.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(final.with_name(f"{final.name}.lock"), timeout=timeout):
        yield


@contextmanager
def scratch_folder(final: Path) -> Iterator[Path]:
    """A new folder to fill and `move_into_place`; whatever is left of it in the end is removed."""
    scratch = _beside(final)
    scratch.mkdir()
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def move_into_place(scratch: Path, final: Path) -> None:
    """Rename `scratch` to `final`, in the place of what may stand there."""
    if final.exists():
        with scratch_folder(final) as aside:
            final.replace(aside)
            scratch.replace(final)
    else:
        scratch.replace(final)


def partial_folder(final: Path) -> Path:
    """What goes on when the making of `final` was stopped."""
    return final.with_name(f".{final.name}{PARTIAL}")


def remove_abandoned(final: Path) -> None:
    """Remove the scratch of killed processes beside `final`, whose lock the caller holds: its own and of other keys.

    Another key's scratch goes only if that key's lock is free, so a process at work never loses its folder.
    """
    for scratch in final.parent.glob(".*.*"):
        key = scratch.name.split(".")[1]
        if scratch.suffix == PARTIAL:
            continue
        if key == final.name:
            remove(scratch)
        elif final.with_name(f"{key}.lock").exists():
            try:
                with locked(final.with_name(key), timeout=0):
                    remove(scratch)
            except Timeout:
                continue


def _beside(final: Path) -> Path:
    return final.with_name(f".{final.name}.{uuid.uuid4().hex[:8]}")


def remove(scratch: Path) -> None:
    """Remove a folder, if it is there and may be removed."""
    # Another user's scratch in a shared store cannot be removed, and hinders nobody.
    shutil.rmtree(scratch, ignore_errors=True)

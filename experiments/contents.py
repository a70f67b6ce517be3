"""What files a folder holds, by size and sha256, and how they differ from what was written down.

Measured on one core with SHA instructions, from memory: 1.3 GB/s while the machine was idle, 0.5 GB/s while it was
overloaded, so 3 to 8 s for a million vectors of 1024 dimensions. It is done once a process for a file whose size and
times stay; to look at those again takes 0.1 ms a file. A large folder notes the states of its files when they held what
was written, so that a later process need not read them as long as these stay.
"""

from __future__ import annotations

import functools
import hashlib
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict

from experiments.files import StorageError, write_text
from experiments.ir import hash_texts

SETTLED_NS = 2_000_000_000
"""A file that changed less than 2 s ago is read again: file systems' clocks may be too coarse to show a change."""
LARGE = 1 << 26
"""Bytes of a folder from which on it notes that its files were read: 64 MB take a tenth of a second."""
READ = ".read"
"""The note's name; hidden files are passed over."""


class FileContent(BaseModel):
    """One file: bytes, and the sha256 of them in hex digits."""

    model_config = ConfigDict(frozen=True)

    size: int
    sha256: str


def read_contents(folder: Path) -> dict[str, FileContent]:
    """Every file below `folder`, by its path relative to it."""
    return {
        name: FileContent(size=path.stat().st_size, sha256=file_sha256(path))
        for name, path in sorted(_files(folder).items())
    }


def difference(folder: Path, expected: Mapping[str, FileContent], *, besides: Collection[str]) -> str:
    """The first thing in which `folder` differs from `expected`, or "".

    Files in `besides` are passed over, and so are unexpected hidden ones, which file managers and network file systems
    leave behind. Raises OSError for a file that cannot be read.
    """
    found = _files(folder)
    if missing := sorted(expected.keys() - found.keys()):
        return f"{missing[0]} is missing"
    added = sorted(name for name in found.keys() - expected.keys() - set(besides) if not _hidden(name))
    if added:
        return f"{added[0]} was added"
    for name, content in expected.items():
        if (size := found[name].stat().st_size) != content.size:
            return f"{name} has {size} bytes for {content.size}"
    note = _note(found, expected)
    if note and _noted(folder) == note:
        return ""
    changed = (name for name, content in expected.items() if file_sha256(found[name]) != content.sha256)
    if wrong := next(changed, None):
        return f"{wrong} does not hold what was written"
    if note:
        # Without it they are read again.
        with suppress(StorageError):
            write_text(folder / READ, note)
    return ""


def _note(found: Mapping[str, Path], expected: Mapping[str, FileContent]) -> str:
    """A digest of what files should hold and of their states; "" for a small folder, or where one has just changed."""
    if sum(content.size for content in expected.values()) < LARGE:
        return ""
    state = state_of(settled_states(found[name] for name in expected))
    return hash_texts([state, *(content.sha256 for content in expected.values())]) if state else ""


def _noted(folder: Path) -> str:
    path = folder / READ
    return path.read_text(encoding="ascii", errors="replace") if path.is_file() else ""


def _files(folder: Path) -> dict[str, Path]:
    return {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}


def _hidden(name: str) -> bool:
    return any(part.startswith(".") for part in Path(name).parts)


class FileState(NamedTuple):
    """What tells one state of a file from another; no program can set ctime."""

    path: Path
    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int

    @property
    def settled(self) -> bool:
        """Whether a later change is sure to give another state."""
        return time.time_ns() - self.ctime_ns >= SETTLED_NS


def file_state(path: Path) -> FileState:
    """The state that a file is in now. Raises OSError for a file that is not there."""
    status = path.stat()
    return FileState(path.resolve(), status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)


def settled_states(files: Iterable[Path]) -> tuple[FileState, ...]:
    """The state of each file; () where one of them has just changed, or is gone."""
    try:
        found = tuple(file_state(path) for path in files)
    except OSError:
        return ()
    return found if all(one.settled for one in found) else ()


def state_of(files: Sequence[FileState]) -> str:
    """A digest of the states of files; "" for none."""
    return hash_texts(str(value) for file in files for value in file) if files else ""


def file_sha256(path: Path) -> str:
    """Hex sha256 of a file, read once a process while its state stays the same."""
    state = file_state(path)
    return _sha256_of(state) if state.settled else _read_sha256(path)


@functools.cache
def _sha256_of(state: FileState) -> str:
    return _read_sha256(state.path)


def _read_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

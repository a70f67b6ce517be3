"""Keeps text under a digest of everything that decides it, so that it is made once a machine.

A kept text counts for its digest alone: a damaged one is made anew, and without the folder all are.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from experiments.files import StorageError, write_text

PACKAGE = Path(__file__).parents[1]


def kept(what: str, decided_by: Callable[[], str], make: Callable[[], str], *, folder: Path | None) -> str:
    """What `make` gives, which is called only where nothing is kept of it under this digest.

    what: the name of the file, where it takes the place of what was kept under another digest. decided_by: a digest
    of everything that `make` depends on. folder: None keeps nothing.
    """
    if folder is None:
        return make()
    path, decided = folder / what, decided_by()
    found = _read(path, decided)
    if found is not None:
        return found
    text = make()
    # Of what changed meanwhile, nobody knows which state was read.
    if decided_by() == decided:
        # All that is lost without it is time.
        with suppress(StorageError):
            write_text(path, f"{_head(decided, text.encode('utf-8'))}\n{text}")
    return text


def digest_of(parts: Iterable[str | bytes]) -> str:
    """Hex sha256 of a sequence, in which no two sequences are one."""
    found = hashlib.sha256()
    for part in parts:
        data = part.encode("utf-8") if isinstance(part, str) else part
        found.update(f"{len(data)} ".encode())
        found.update(data)
    return found.hexdigest()


def code_digest(patterns: Iterable[str]) -> str:
    """Of the files of this program that these patterns name, by path and content, and of what else is installed."""
    files = sorted({path for pattern in patterns for path in PACKAGE.glob(pattern)})
    contents = (part for path in files for part in (path.relative_to(PACKAGE).as_posix(), path.read_bytes()))
    return digest_of([*_installed(), *contents])


def _installed() -> list[str]:
    """Python's version, and each installed distribution with its own, by the names of their folders."""
    folders = [folder for entry in dict.fromkeys(sys.path) if (folder := Path(entry)).is_dir()]
    found = {path.name for folder in folders for kind in ("*.dist-info", "*.egg-info") for path in folder.glob(kind)}
    return [sys.version, *sorted(found)]


def _read(path: Path, decided: str) -> str | None:
    """None where nothing is kept, where it was decided otherwise, and where it is not what was written."""
    try:
        head, _, text = path.read_bytes().partition(b"\n")
    except OSError:
        return None
    return text.decode("utf-8") if head == _head(decided, text).encode() else None


def _head(decided: str, text: bytes) -> str:
    return f"{decided} {digest_of([text])}"

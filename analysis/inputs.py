"""What decides the bytes of every page: the program, what is installed, and all data in a results folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from analysis.folders import OWNED
from analysis.kept import code_digest, digest_of
from analysis.markers import hand_written

CODE = ("analysis/**/*.py", "experiments/**/*.py", "results/paper/*.yaml")
PAGE = "README.md"


def pages_decided_by(root: Path) -> str:
    """Digest of all that pages of published records depend on; what `build` itself writes is left out.

    root: the results folder. Of the pages made by `build` it counts that they are there, of those with markers what
    stands outside of them.
    """
    there = root.resolve()
    return digest_of([code_digest(CODE), str(root), str(there), *_inputs(there)])


def _inputs(root: Path) -> Iterator[str | bytes]:
    for path in (root.parent / PAGE, root / PAGE):
        yield _hand_written(path)
    for folder, inside, names in os.walk(root, followlinks=True):
        inside.sort()
        for name in sorted(names):
            path = Path(folder, name)
            parts = path.relative_to(root).parts
            if not _is_made(parts):
                yield path.as_posix()
                yield b"" if name == PAGE else _content(path)


def _is_made(parts: tuple[str, ...]) -> bool:
    """Whether `build` makes a file: tables and figures of studies, and figures of other pages."""
    return parts[1:-1] in {(owned,) for owned in OWNED} or parts[-1].endswith(".svg")


def _hand_written(path: Path) -> str:
    return hand_written(path.read_text(encoding="utf-8")) if path.is_file() else ""


def _content(path: Path) -> bytes:
    """Of what nobody may read, that it is there: no page is made of it."""
    return path.read_bytes() if os.access(path, os.R_OK) else b"unreadable"

"""What killed processes have left in a store: to be asked for, and removed, while no other process works there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from experiments.scratch import PARTIAL, remove
from experiments.store.artifacts import DESCRIPTOR

SCRATCH = re.compile(r"\..+\.[0-9a-f]{8}")
"""Names of scratch folders (`experiments.scratch`) and of files that were being written (`experiments.files`)."""
FOLDERS = ("records", "studies")
"""Folders of the store whose folders are written into file by file."""


def abandoned(root: Path) -> Iterator[Path]:
    """Scratch folders and files, and the partial folders of artifacts that are whole."""
    within = (root / name for name in FOLDERS)
    for path in chain(root.glob("*/.*"), *(folder.glob("*/.*") for folder in within)):
        if path.suffix == PARTIAL:
            if (whole_of(path) / DESCRIPTOR).is_file():
                yield path
        elif SCRATCH.fullmatch(path.name):
            yield path


def partials(root: Path) -> Iterator[Path]:
    """The partial folders of artifacts that are not whole: what was stopped goes on from there."""
    yield from (path for path in root.glob(f"*/.*{PARTIAL}") if not (whole_of(path) / DESCRIPTOR).is_file())


def whole_of(partial: Path) -> Path:
    """The artifact's folder that a partial folder stands beside."""
    return partial.with_name(partial.name.removeprefix(".").removesuffix(PARTIAL))


def clear_abandoned(root: Path) -> None:
    """Remove it all."""
    for path in list(abandoned(root)):
        remove_path(path)


def remove_path(path: Path) -> None:
    """Remove a file or a folder with all that is in it. Raises OSError for a file that may not be removed."""
    if path.is_dir():
        remove(path)
    else:
        path.unlink(missing_ok=True)

"""What lies in a store: artifacts and large corpora with their sizes, what stopped work goes on from, what was left."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from experiments.collections.stored import corpus_folders, is_current
from experiments.store.abandoned import abandoned, partials, whole_of
from experiments.versions import STAGES

CORPORA = "collections"
"""The folder of the store in which large corpora lie."""


@dataclass(frozen=True)
class Held:
    """A folder or file of the store.

    key: of the artifact or corpus that it is, or belongs to; "" for what belongs to none.
    """

    stage: str
    key: str
    path: Path
    size: int


@dataclass(frozen=True)
class Contents:
    """artifacts; partial: what the making of an artifact goes on from; left: scratch of killed processes.

    corpora: large ones, kept as mapped files; outdated: those of them that no run would read, since the file that each
    was made of, or the code, is another now.
    """

    artifacts: tuple[Held, ...]
    corpora: tuple[Held, ...]
    outdated: tuple[Held, ...]
    partial: tuple[Held, ...]
    left: tuple[Held, ...]


def read_contents(root: Path) -> Contents:
    """Everything that can be made again."""
    corpora = tuple(Held(CORPORA, path.name, path, size_of(path)) for path in corpus_folders(root / CORPORA))
    return Contents(
        artifacts=tuple(_artifacts(root)),
        corpora=corpora,
        outdated=tuple(one for one in corpora if not is_current(one.path)),
        partial=tuple(Held(path.parent.name, whole_of(path).name, path, size_of(path)) for path in partials(root)),
        left=tuple(Held(path.parent.name, "", path, size_of(path)) for path in abandoned(root)),
    )


def _artifacts(root: Path) -> Iterator[Held]:
    for stage in STAGES:
        for path in sorted((root / stage.name).glob("[!.]*")):
            if path.is_dir():
                yield Held(stage.name, path.name, path, size_of(path))


def size_of(path: Path) -> int:
    """Bytes of a file, or of all files below a folder."""
    if path.is_dir():
        return sum(one.stat().st_size for one in path.rglob("*") if one.is_file())
    return path.stat().st_size

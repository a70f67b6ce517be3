"""What must hold after a round, when the same command has been run to its end."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from filelock import FileLock, Timeout

from experiments.store.abandoned import abandoned, partials
from tests.drill.driver import Event
from tests.drill.sweep import Undisturbed, records, store_of, whole

Key = tuple[str, str]


def faults(
    folder: Path,
    clean: Undisturbed,
    *,
    before: Mapping[Key, tuple[int, int]],
    damaged: Collection[Key],
    events: list[Event],
) -> Iterator[str]:
    """One line for everything that is not as it should be.

    before: the artifacts that were whole when the last command began; damaged: those whose bytes were flipped then.
    """
    yield from _records(folder, clean)
    yield from _made_again(folder, before, damaged)
    yield from _begun_again(events, damaged)
    root = store_of(folder)
    yield from (f"scratch is left: {path.relative_to(root)}" for path in (*abandoned(root), *partials(root)))
    yield from (f"a failure is still noted: {path.name}" for path in root.glob("failures/*.json"))
    yield from _locks(root)


def _records(folder: Path, clean: Undisturbed) -> Iterator[str]:
    found = records(folder)
    for name in sorted({*found, *clean.records}):
        if name not in found:
            yield f"record {name} is missing"
        elif name not in clean.records:
            yield f"record {name} is one too many"
        elif found[name] != clean.records[name]:
            fields = [key for key in clean.records[name] if found[name].get(key) != clean.records[name][key]]
            yield f"record {name} differs in {', '.join(fields)}"


def _made_again(folder: Path, before: Mapping[Key, tuple[int, int]], damaged: Collection[Key]) -> Iterator[str]:
    now = whole(folder)
    for key, status in before.items():
        if key not in damaged and now.get(key) != status:
            yield f"{'/'.join(key)} was whole and was made again"


def _begun_again(events: list[Event], damaged: Collection[Key]) -> Iterator[str]:
    ended: set[Key] = set()
    for event in events:
        key = (event.stage, event.key)
        if event.what == "begin" and key in ended and key not in damaged:
            yield f"{'/'.join(key)} was begun again after it was whole"
        if event.what == "end":
            ended.add(key)


def _locks(root: Path) -> Iterator[str]:
    for path in root.rglob("*.lock"):
        try:
            with FileLock(path, timeout=0):
                pass
        except Timeout:
            yield f"a lock is still held: {path.relative_to(root)}"

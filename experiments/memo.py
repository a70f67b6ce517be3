"""What is made once for a value, and lives as long as the value does: runs of a sweep in one process share it."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TypeVar

Made = TypeVar("Made")


def remembered(owner: object, key: Hashable, make: Callable[[], Made]) -> Made:
    """What `make` gave for this very `owner`, a frozen value, under this key; made where it is not there yet.

    It lies where `cached_property` puts things, so equality, copies by `replace` and content hashes know nothing of it.
    """
    kept = vars(owner).setdefault("_remembered", {})
    if key not in kept:
        kept[key] = make()
    found: Made = kept[key]
    return found


def remembered_last(owner: object, name: str, key: tuple[object, ...], make: Callable[[], Made]) -> Made:
    """As `remembered`, for what is large: of the last key alone, of strings, integers and the same values."""
    kept = vars(owner).setdefault("_remembered", {})
    last = kept.pop(name, None)
    if last is None or not _same(last[0], key):
        del last
        last = (key, make())
    kept[name] = last
    found: Made = last[1]
    return found


def _same(key: tuple[object, ...], other: tuple[object, ...]) -> bool:
    if len(key) != len(other):
        return False
    return all(a is b or (isinstance(a, str | int) and a == b) for a, b in zip(key, other, strict=True))

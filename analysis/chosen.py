"""Entries of a registry that a study names, in its order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

from experiments.errors import UserError

Entry = TypeVar("Entry")


def chosen(
    registry: Mapping[str, Entry], names: Sequence[str], *, study: str, what: str, default: Sequence[str]
) -> dict[str, Entry]:
    """Name -> entry; no names = the default ones. Raises UserError for a name that the registry lacks."""
    for name in names:
        if name not in registry:
            raise UserError(
                f"study {study}: {what}: no {what.removesuffix('s')} {name!r}: use one of {', '.join(sorted(registry))}"
            )
    return {name: registry[name] for name in names or default}

"""A store that makes nothing: it hands out what is whole, and stops at the first artifact that would be made."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from experiments.identity import canonical_json
from experiments.store.artifacts import DESCRIPTOR, Artifact, Descriptor, Store, as_stored, stage_key

ABSENT = "absent"


class NotMade(Exception):
    """What a stage would make: the payload of its key; damage: what is wrong with the artifact that is there, or ""."""

    def __init__(self, stage: str, payload: Mapping[str, Any], damage: str) -> None:
        super().__init__(stage)
        self.stage, self.payload, self.damage = stage, payload, damage

    @property
    def key(self) -> str:
        """The key that it would have."""
        return stage_key(self.stage, self.payload)


@dataclass(frozen=True)
class Lookup(Store):
    """The artifacts of a store, to be looked at only."""

    def get_or_make(self, stage: str, payload: Mapping[str, Any], make: Callable[[Path], None]) -> Artifact:  # noqa: ARG002
        """The finished artifact for `payload`. Raises NotMade for one that would be made."""
        hit, damage = self.look(stage, payload)
        if hit is None:
            raise NotMade(stage, payload, damage)
        return hit


@dataclass(frozen=True)
class Neighbour:
    """An artifact of a stage, and the fields in which a payload differs from it: (name, there, asked for)."""

    key: str
    fields: tuple[tuple[str, str, str], ...]


def nearest(root: Path, stage: str, payload: Mapping[str, Any]) -> Neighbour | None:
    """The artifact of the stage that differs from `payload` in the fewest fields, the newest of them; None: no other.

    Descriptors that cannot be read are passed over: they are no artifacts.
    """
    asked, own = dict(_fields(as_stored(payload))), stage_key(stage, payload)
    paths = sorted((root / stage).glob(f"*/{DESCRIPTOR}"), key=lambda path: (-path.stat().st_mtime_ns, path))
    found = [
        Neighbour(path.parent.name, _differing(dict(_fields(stored)), asked))
        for path in paths
        if path.parent.name != own and (stored := _payload(path)) is not None
    ]
    return min(found, key=lambda one: len(one.fields), default=None)


def _payload(path: Path) -> Mapping[str, Any] | None:
    try:
        return Descriptor.model_validate_json(path.read_bytes(), strict=True).payload
    except (FileNotFoundError, ValidationError):
        return None


def _fields(value: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Dotted names of the leaves, and their values as JSON; a list is one leaf."""
    if not isinstance(value, Mapping):
        yield prefix, canonical_json(value)
        return
    for name, item in value.items():
        yield from _fields(item, f"{prefix}.{name}" if prefix else name)


def _differing(there: Mapping[str, str], asked: Mapping[str, str]) -> tuple[tuple[str, str, str], ...]:
    return tuple(
        (name, there.get(name, ABSENT), asked.get(name, ABSENT))
        for name in sorted({*there, *asked})
        if there.get(name) != asked.get(name)
    )

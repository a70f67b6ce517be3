"""Override strings and plain composed configs: small pure pieces that the sweep and compose share."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from experiments.command import mistakes

FORCED = "++"
"""How Hydra is told to take a value that its default choices have no key for."""


OWN_ARM = "study.arms."
"""What an arm that a command line adds to a study begins with."""

OPEN = "data.parts"
"""The one mapping of a config whose keys its YAML does not list: a mixture's parts, checked when they are parsed."""


def is_open(key: str) -> bool:
    """Whether a key is a mixture's parts or stands below them."""
    return f"{key.lstrip('+~')}.".startswith(f"{OPEN}.")


def for_hydra(override: str) -> str:
    """`override` as Hydra takes it: of a mixture's parts it knows no key, so there a value is forced in."""
    return f"{FORCED}{override}" if is_open(key_of(override)) and override[0] not in "+~" else override


def key_of(override: str) -> str:
    """`miner.threshold` of `miner.threshold=0.9`."""
    return override.partition("=")[0]


def unforced(override: str) -> str:
    """`override` as it was typed, where it was forced past Hydra."""
    return override.removeprefix(FORCED)


def last_wins(overrides: Sequence[str]) -> list[str]:
    """One override per key: the last one, at the place of the first."""
    return list({key_of(override): override for override in overrides}.values())


def write_value(value: Any) -> str:
    """A value in the grammar of Hydra's command line; strings are always quoted."""
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case int() | float():
            return repr(value)
        case str():
            # In quotes a backslash is Hydra's escape before a quote only, so only those are doubled.
            escaped = re.sub(r"(\\*)('|\Z)", lambda found: 2 * found[1] + ("\\'" if found[2] else ""), value)
            return f"'{escaped}'"
        case Mapping():
            return "{" + ",".join(f"{name}:{write_value(item)}" for name, item in value.items()) + "}"
        case Sequence():
            return "[" + ",".join(write_value(item) for item in value) + "]"
    raise TypeError(f"{type(value).__name__} cannot be written on a command line")


def drop_foreign(plain: dict[str, Any]) -> set[str]:
    """Remove parameters that belong to another kind of the same section, and name them.

    A study's common settings (train.steps) meet arms of another kind (train=none), which have no such parameter.
    """
    dropped = set()
    for section, members in mistakes.UNIONS.items():
        values = plain.get(section)
        model = members.get(str(values.get("kind"))) if isinstance(values, dict) else None
        if model is None or values is None:
            continue
        foreign = {field for other in members.values() for field in other.model_fields} - {*model.model_fields}
        for name in foreign & {*values}:
            del values[name]
            dropped.add(f"{section}.{name}")
    return dropped


def has_key(config: Mapping[str, Any], key: str) -> bool:
    """Whether a dotted key stands in a composed config, set or not."""
    node: Any = config
    for part in key.split("."):
        if not isinstance(node, Mapping) or part not in node.keys():  # noqa: SIM118 - `in` is False for ???
            return False
        node = node[part]
    return True

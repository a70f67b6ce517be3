"""Teachers named inside other settings: where a teacher's values stand, the name of a preset may stand as well.

`teacher.members=[minilm_l6,bm25]` needs no values typed out, and `{preset: bm25, k1: 1.2}` changes one of them.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

from experiments.command import mistakes
from experiments.errors import UserError

ONE = ("first_stage", "teacher")
"""Keys that hold one teacher."""
SEVERAL = ("members",)
"""Keys that hold a list of them."""
PRESET = "preset"

Preset = Callable[[str], Mapping[str, Any]]


def with_presets(plain: dict[str, Any], preset: Preset) -> dict[str, Any]:
    """`plain`, in which every preset's name stands for its values, in place.

    Raises UserError for a preset that there is not, and for a key that it does not have.
    """
    for section in ("teacher", "mining", "train"):
        _expand(plain[section], section, preset)
    return plain


def _expand(node: Any, where: str, preset: Preset) -> None:
    if isinstance(node, list):
        for item in node:
            _expand(item, where, preset)
    if not isinstance(node, dict):
        return
    for key, value in node.items():
        here = f"{where}.{key}"
        if key in ONE:
            node[key] = _values(value, here, preset)
        elif key in SEVERAL and isinstance(value, list):
            node[key] = [_values(item, here, preset) for item in value]
        _expand(node[key], here, preset)


def _values(teacher: Any, where: str, preset: Preset) -> Any:
    if isinstance(teacher, str):
        return _of(teacher, where, preset)
    if not isinstance(teacher, dict) or PRESET not in teacher:
        return teacher
    changes = {name: value for name, value in teacher.items() if name != PRESET}
    values = _of(str(teacher[PRESET]), where, preset)
    for name, value in changes.items():
        if name not in values:
            raise UserError(
                f"{where}.{name}={value}: the preset {teacher[PRESET]} has no key {name!r}"
                f"{mistakes.did_you_mean(name, values)} (it has: {', '.join(values)})"
            )
    return values | changes


def _of(name: str, where: str, preset: Preset) -> dict[str, Any]:
    try:
        return copy.deepcopy(dict(preset(name)))
    except UserError as error:
        raise UserError(f"{where}: {error}") from error

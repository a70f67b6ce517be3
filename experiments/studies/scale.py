"""What the roles of a study stand for at one scale: teachers, students, training and test collections."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from experiments.errors import UserError

MARK = "$"
"""Begins a role in a study's file: `$best_teacher`."""
EACH = "each"
"""In an arm, what it is repeated for. A role: once for every member (`$each` stands for the member's overrides, and the
arm takes its name). A key with values, as in {miner.threshold: [0.9, 0.95]}: arms NAME_0.9 and NAME_0.95."""

Overrides = tuple[str, ...]


class Scale(BaseModel):
    """A file of conf/scale/.

    roles: a role to its override strings, or to members by name, which arms with `each` are named after.
    names: what a single name stands for where a study names an arm (a contrast's `$best`), keys of mappings included.
    limits: lines that every study at this scale says of its results.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(min_length=1)]
    roles: dict[str, Overrides | dict[str, Overrides]]
    names: dict[str, str] = {}
    limits: tuple[str, ...] = ()


def at_scale(study: Mapping[str, Any], scale: Mapping[str, Any] | None) -> dict[str, Any]:
    """A study's declaration as plain data, every role written out; its name ends with the scale's.

    Raises UserError for a role that the scale lacks, and for a study that names roles without a scale or the reverse.
    """
    named = sorted(set(_roles_in(study)))
    name = study.get("name")
    if not named and scale is None:
        return _with_arms(study, None)
    if scale is None:
        raise UserError(f"study {name} leaves {MARK}{named[0]} to a scale: choose one, as in scale=cpu")
    if not named:
        raise UserError(f"scale={scale.get('name')}: study {name} has no roles that a scale could fill: leave it out")
    try:
        parsed = Scale.model_validate(scale)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise UserError(f"conf/scale/{scale.get('name')}.yaml: {where}: {first['msg']}") from error
    return _written_out(study, parsed)


def _written_out(study: Mapping[str, Any], scale: Scale) -> dict[str, Any]:
    plain: dict[str, Any] = _filled(_with_arms(study, scale), scale)
    limits = [*plain.get("limits", ()), *scale.limits]
    return {**plain, "name": f"{study.get('name')}_{scale.name}", **({"limits": limits} if limits else {})}


def _roles_in(node: Any) -> Iterator[str]:
    """The roles that a declaration names, however deep, `each` included."""
    if isinstance(node, str):
        if node.startswith(MARK):
            yield node.removeprefix(MARK)
    elif isinstance(node, Mapping):
        if isinstance(node.get(EACH), str):
            yield node[EACH]
        for value in node.values():
            yield from _roles_in(value)
    elif isinstance(node, (list, tuple)):
        for value in node:
            yield from _roles_in(value)


def _with_arms(study: Mapping[str, Any], scale: Scale | None) -> dict[str, Any]:
    """The study with an arm for every member or value of `each`; a block that names such an arm names all of these."""
    arms = study.get("arms")
    if not isinstance(arms, Mapping):
        return dict(study)
    copies = {name: _copies(name, arm, scale) for name, arm in arms.items()}
    whole = {**study, "arms": {one: arm for several in copies.values() for one, arm in several.items()}}
    if isinstance(study.get("blocks"), Mapping):
        whole["blocks"] = {name: _naming_all(block, copies) for name, block in study["blocks"].items()}
    return whole


def _naming_all(block: Any, copies: Mapping[str, Mapping[str, Any]]) -> Any:
    if not isinstance(block, Mapping) or not isinstance(block.get("arms"), (list, tuple)):
        return block
    return {**block, "arms": [one for name in block["arms"] for one in copies.get(name, (name,))]}


def _copies(name: str, arm: Any, scale: Scale | None) -> dict[str, Any]:
    """What one declared arm stands for, by name: itself, every member of a role, or every value of a key."""
    each = arm.get(EACH) if isinstance(arm, Mapping) else None
    rest = {field: value for field, value in arm.items() if field != EACH} if each is not None else {}
    if isinstance(each, Mapping):
        return {
            f"{name}_{value}": {**rest, "overrides": [*rest.get("overrides", ()), f"{key}={value}"]}
            for key, value in _settings(name, each)
        }
    if each is None or scale is None:
        return {name: arm}
    return {
        member: {**rest, "overrides": _in_place_of_each(rest.get("overrides", ()), overrides)}
        for member, overrides in _members(each, scale).items()
    }


def _settings(name: str, each: Mapping[str, Any]) -> list[tuple[str, Any]]:
    if len(each) != 1 or not isinstance(next(iter(each.values())), (list, tuple)):
        raise UserError(f"study.arms.{name}.each: give one key and its values, as in {{miner.threshold: [0.9, 0.95]}}")
    ((key, values),) = each.items()
    return [(key, value) for value in values]


def _in_place_of_each(overrides: Sequence[str], member: Overrides) -> list[str]:
    return [one for text in overrides for one in (member if text == MARK + EACH else (text,))]


def _filled(node: Any, scale: Scale) -> Any:
    """`node` with every role in a list replaced by its overrides, and every other `$name` by what it stands for."""
    if isinstance(node, Mapping):
        return {_filled(key, scale): _filled(value, scale) for key, value in node.items()}
    if isinstance(node, (list, tuple)):
        return [one for item in node for one in _items(item, scale)]
    if isinstance(node, str) and node.startswith(MARK):
        return _name(node.removeprefix(MARK), scale)
    return node


def _items(item: Any, scale: Scale) -> list[Any]:
    if isinstance(item, str) and item.startswith(MARK) and item.removeprefix(MARK) not in scale.names:
        return list(_overrides(item.removeprefix(MARK), scale))
    return [_filled(item, scale)]


def _overrides(role: str, scale: Scale) -> Overrides:
    found = _role(role, scale)
    if isinstance(found, dict):
        raise UserError(f"{MARK}{role} has members ({', '.join(found)}): name it as `each` of an arm")
    return found


def _members(role: str, scale: Scale) -> dict[str, Overrides]:
    found = _role(role, scale)
    if not isinstance(found, dict):
        raise UserError(f"each: {role}: this role has no members at scale={scale.name}: write {MARK}{role} in a list")
    return found


def _role(role: str, scale: Scale) -> Overrides | dict[str, Overrides]:
    if role not in scale.roles:
        raise UserError(f"scale={scale.name} has no role {role!r} (it has: {', '.join(scale.roles)})")
    return scale.roles[role]


def _name(name: str, scale: Scale) -> str:
    if name not in scale.names:
        raise UserError(f"scale={scale.name} has no name {name!r} (it has: {', '.join(scale.names)})")
    return scale.names[name]

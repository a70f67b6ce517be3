"""Configuration mistakes as one line: the key, the value, and how to mend it."""

from __future__ import annotations

import difflib
import re
import typing
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, get_args, get_origin

from pydantic import BaseModel, ValidationError

from experiments.config import RunConfig
from experiments.config.mixture import Part
from experiments.execution import TrackerConfig


def union_members(annotation: Any) -> dict[str, type[BaseModel]]:
    """The models of a union discriminated on `kind`, by kind; empty for anything else."""
    if get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    models = [part for part in get_args(annotation) if isinstance(part, type) and issubclass(part, BaseModel)]
    return {str(model.model_fields["kind"].default): model for model in models if "kind" in model.model_fields}


def _unions() -> dict[str, dict[str, type[BaseModel]]]:
    hints = typing.get_type_hints(RunConfig, include_extras=True) | {"tracker": TrackerConfig}
    found = {name: union_members(hint) for name, hint in hints.items()}
    return {name: members for name, members in found.items() if members}


INTERNAL = ("after", "labels", "position", "prepare", "run_name")
"""Keys that the command fills in itself."""

UNIONS = _unions()
"""The sections that hold one of several kinds: section -> kind -> model."""


PARTS = union_members(Part)
"""What a part of a mixture may be: kind -> model."""


def is_part(path: Sequence[str]) -> bool:
    """Whether keys lead to one part of a mixture."""
    return [*path[:2]] == ["data", "parts"] and len(path) == 3


def did_you_mean(word: str, names: Iterable[str]) -> str:
    """`, did you mean 'x'?` or nothing."""
    close = difflib.get_close_matches(word, list(names), n=1, cutoff=0.6)
    return f", did you mean {close[0]!r}?" if close else ""


def unknown_choice(text: str, group: str, choices: Sequence[str]) -> str:
    """A choice that a group does not have."""
    choice = text.partition("=")[2]
    return f"{text}: the group {group} has no {choice!r}{did_you_mean(choice, choices)} (it has: {', '.join(choices)})"


def unknown_key(text: str, config: Mapping[str, Any]) -> str:
    """A key that the composed `config` does not have. `text`: the override as it was typed."""
    key = text.partition("=")[0].lstrip("+~")
    node: Any = config
    path: list[str] = []
    for part in key.split("."):
        if not isinstance(node, Mapping) or part not in node:
            return _unknown_part(text, path, part, node, config)
        path.append(part)
        node = node[part]
    return f"{text}: {key} cannot be set so: give its fields one by one"


def _unknown_part(text: str, path: Sequence[str], part: str, node: Any, config: Mapping[str, Any]) -> str:
    if not path:
        names = [name for name in (*config, "study", "search") if name not in INTERNAL]
        return f"{text}: there is no key or group {part!r}{did_you_mean(part, names)} (there are: {', '.join(names)})"
    where = ".".join(path)
    siblings = owners(where, part)
    if siblings:
        kind = config[where].get("kind") if isinstance(config.get(where), Mapping) else None
        return f"{text}: {where}={kind} has no {part}; those that have one: {', '.join(siblings)}"
    names = [str(name) for name in node if name != "kind"] if isinstance(node, Mapping) else []
    models = PARTS if is_part(path) else UNIONS.get(where, {})
    fields = [field for model in models.values() for field in model.model_fields]
    if is_part(path) and isinstance(node, Mapping):
        names = [name for name in models[str(node["kind"])].model_fields if name != "kind"]
    known = dict.fromkeys([*names, *fields])
    kind = node.get("kind") if isinstance(node, Mapping) else None
    has = f"it has: {', '.join(names)}" if names else f"{where}={kind} has no parameters"
    return f"{text}: {where} has no key {part!r}{did_you_mean(part, known)} ({has})"


def owners(section: str, field: str) -> list[str]:
    """The kinds of a section that have a field of this name."""
    return [kind for kind, model in UNIONS.get(section, {}).items() if field in model.model_fields]


def invalid_path(error: ValidationError, given: Mapping[str, Any]) -> list[str]:
    """Where in `given` the first thing stands that pydantic found wrong, list positions included."""
    return _locate(error.errors(include_url=False)[0]["loc"], given)[0]


def invalid_value(
    error: ValidationError, given: Mapping[str, Any], *, prefix: str = "", names: Iterable[str] = ()
) -> str:
    """The first thing pydantic found wrong: `key=value: what (how to fix)`.

    given: what was validated. names: keys that a key which does not exist may have meant.
    """
    first = error.errors(include_url=False)[0]
    path, owner = _locate(first["loc"], given)
    key = (prefix + ".".join(part for part in path if not part.isdigit())).rstrip(".")
    if first["type"] == "extra_forbidden":
        if prefix:
            return f"{key}: no such key{did_you_mean(path[-1], {*names, *owner} - {path[-1]})}"
        known = {name: value for name, value in owner.items() if name != path[-1]}
        return _unknown_part(f"{key}={_written(first['input'])}", path[:-1], path[-1], known, given)
    if first["type"] == "missing":
        return f"{key} is not set: give {key}=..."
    alike = [e["msg"] for e in error.errors(include_url=False) if _locate(e["loc"], given)[0] == path]
    message = " or ".join(dict.fromkeys(_lowered(message) for message in alike))
    value = first["input"]
    if first["type"] == "tuple_type":
        message = f"should be a list: write {key}=[{'...' if value is None else value}]"
    shown = f"{key}={_written(value)}" if not _is_long(value) else key
    return f"{shown}: {message}" if shown else message


def _is_long(value: Any) -> bool:
    """Whether a value holds others by name, so that a line has no room for it."""
    return isinstance(value, (Mapping, BaseModel)) or (isinstance(value, (list, tuple)) and any(map(_is_long, value)))


def _written(value: Any) -> str:
    """A value as it is typed, not as Python shows it."""
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _lowered(message: str) -> str:
    message = re.sub(r"^(Value error|Assertion failed), ", "", message)
    message = re.sub(r"^Input should", "should", message)
    message = re.sub(r"^(Tuple|List|String) should have (at \w+ \d+ \w+).*", r"should have \2", message)
    message = re.sub(r", unable to parse string as an? \w+$", "", message)
    return re.sub(r"be a valid dictionary( or .*)?$", "be a mapping {key: value}", message)


def _locate(loc: Sequence[int | str], given: Mapping[str, Any]) -> tuple[list[str], Mapping[str, Any]]:
    """A pydantic location without the tags of unions, and the mapping that holds its last part."""
    node: Any = given
    owner: Mapping[str, Any] = given
    path: list[str] = []
    for part in loc:
        if isinstance(node, Mapping):
            if part not in node and part == node.get("kind"):
                continue
            owner = node
            path.append(str(part))
            node = node.get(str(part))
        elif isinstance(node, (list, tuple)) and isinstance(part, int):
            path.append(str(part))
            node = node[part]
        else:
            break
    return path, owner


def hydra_line(message: str, cause: str = "") -> str:
    """A message of Hydra's as one line."""
    ambiguous = re.match(r"Ambiguous value for argument '([^']*)'", message)
    needs = re.match(r"Sweep parameters '([^']*)' requires --multirun", message)
    if found := ambiguous or needs:
        return f"{found[1]}: several values are a sweep: add -m"
    twice = re.match(r"Multiple values for ([\w/@]+)", message)
    if twice:
        return f"{twice[1]} is given twice: give it once, or several values with -m (a,b)"
    parts = [line.strip() for line in f"{message}\n{cause}".splitlines()]
    lines = [line for line in parts if line and not line.startswith(("full_key", "object_type", "See https", "^"))]
    return "; ".join(lines[:3])

"""`teacher.path`: where a precomputed teacher's files lie. A run is named by their content, never by the path."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

from experiments.config import PrecomputedTeacher
from experiments.errors import UserError

FORMATS: tuple[str, ...] = get_args(PrecomputedTeacher.model_fields["format"].annotation)


def take_ranking_paths(values: Any) -> dict[str, Path]:
    """Remove `path` from every precomputed teacher in plain values; it gives the name, unless that is set, and content.

    Raises UserError for files that are not there and for two of one name.
    """
    paths: dict[str, Path] = {}
    for teacher in _precomputed(values):
        text = teacher.pop("path", None)
        if text is None:
            if teacher.get("content") in {None, "???"}:
                raise UserError("teacher.path is not set: give teacher.path=FILE or FOLDER of what was computed")
            continue
        if not str(text).strip():
            raise UserError("teacher.path is empty: give the file or folder of what was computed")
        path = Path(str(text)).expanduser().resolve()
        teacher.update(name=_name(teacher, path), content=_content(teacher, path, str(text)))
        if paths.setdefault(teacher["name"], path) != path:
            raise UserError(f"{paths[teacher['name']]} and {path} have one name: give them names with teacher.name=...")
    return paths


def with_ranking_paths(values: Any, paths: Mapping[str, Path]) -> Any:
    """Plain values as they may be given to another run: precomputed teachers by their paths again."""
    given = copy.deepcopy(values)
    for teacher in _precomputed(given):
        if teacher["name"] in paths:
            teacher.update(path=str(paths[teacher["name"]]))
    return given


def _name(teacher: Mapping[str, Any], path: Path) -> str:
    given = teacher.get("name")
    return path.name.partition(".")[0] if given in {None, "???"} else str(given)


def _content(teacher: Mapping[str, Any], path: Path, text: str) -> str:
    from experiments.teachers.score_files import content_of, files_of

    if not path.exists():
        raise UserError(f"teacher.path={text}: there is no such file or folder: give what was computed")
    kind = str(teacher.get("format"))
    if kind == "???":
        raise UserError(f"teacher.format is not set: give one of {', '.join(FORMATS)}")
    if kind not in FORMATS:
        raise UserError(f"teacher.format={kind}: should be one of {', '.join(FORMATS)}")
    return content_of(path, files_of(path, kind, teacher.get("split")))


def _precomputed(node: Any) -> Iterator[dict[str, Any]]:
    """The mappings that are a precomputed teacher, however deep they stand."""
    if isinstance(node, dict) and node.get("kind") == "precomputed":
        yield node
    for part in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from _precomputed(part)

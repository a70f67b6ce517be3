"""Reads the values of a row: texts, ids and scores; what does not fit is one line with file, row and value."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from experiments.errors import UserError

_SURROGATE = re.compile("[\ud800-\udfff]")
_INTEGRAL = re.compile(r"[+-]?[0-9]+(\.0*)?")
_LARGEST_SCORE = 2**31 - 1


def text_of(path: Path, number: int, row: Mapping[str, Any], field: str, default: str | None = None) -> str:
    """A field that holds text. Raises UserError where it holds something else, or nothing and there is no default."""
    value = row.get(field, default)
    if value is None and default is not None:
        return default
    if value is None:
        raise UserError(
            f"{path}:{number}: the field {field!r} is missing: the line has {', '.join(row) or 'no fields'}"
        )
    if not isinstance(value, str):
        raise UserError(
            f"{path}:{number}: the field {field!r} is {value!r}: it must be a string: write {json.dumps(str(value))}"
        )
    if not value.isascii() and _SURROGATE.search(value):
        raise UserError(f"{path}:{number}: the field {field!r} holds half a surrogate pair: {value!a:.80}")
    return value


def id_of(path: Path, number: int, row: Mapping[str, Any], field: str) -> str:
    """A field that holds a name; a whole number is one ("7" of 7 and of 7.0). Raises UserError as `text_of`."""
    value = row.get(field)
    if isinstance(value, str):
        return text_of(path, number, row, field)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return text_of(path, number, {**row, field: None} if is_nothing(value) else row, field)


def grade_of(path: Path, number: int, score: Any) -> int:
    """A score as an integer; 1.0 and "1.0", which some tools write, are one. Raises UserError for any other."""
    text = str(score).strip()
    if isinstance(score, bool):
        text = str(int(score))
    if not _INTEGRAL.fullmatch(text):
        raise UserError(f"{path}:{number}: the score {score!r} is not an integer: write 0, 1, 2, ...")
    grade = int(text.partition(".")[0])
    if abs(grade) > _LARGEST_SCORE:
        raise UserError(f"{path}:{number}: the score {score!r} is too large: write 0, 1, 2, ...")
    return grade


def is_nothing(value: Any) -> bool:
    """Whether a cell is empty: null, or the NaN that pandas writes for it."""
    return value is None or (isinstance(value, float) and math.isnan(value))

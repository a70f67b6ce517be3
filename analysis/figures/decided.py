"""What decides a drawing: the values that are drawn, the code that draws them, and matplotlib."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import cache, partial
from typing import Any

import numpy as np
from pydantic import BaseModel

from analysis.kept import code_digest, digest_of

CODE = (
    "analysis/*.py",
    "analysis/figures/*.py",
    "experiments/config/*.py",
    "experiments/miners/*.py",
    "experiments/searching/*.py",
)
"""Where the functions lie that draw, and those that they call."""


def decided_by(drawing: partial[Any]) -> str:
    """Digest of a function of `CODE` with the values that it draws. Raises TypeError for values that are not plain."""
    function = drawing.func
    values = plain([list(drawing.args), drawing.keywords])
    return digest_of([_code(), function.__module__, function.__qualname__, repr(values)])


def plain(value: Any) -> Any:
    """Numbers, texts and lists that are equal for equal values alone. Raises TypeError for what has no such form."""
    match value:
        case None | bool() | int() | float() | str():
            return value
        case np.generic():
            return value.item()
        case BaseModel():
            return [type(value).__qualname__, *(plain(getattr(value, name)) for name in type(value).model_fields)]
        case Mapping():
            return ["mapping", *([plain(key), plain(item)] for key, item in value.items())]
        case list() | tuple():
            return [plain(item) for item in value]
    if is_dataclass(value) and not isinstance(value, type):
        return [type(value).__qualname__, *(plain(getattr(value, field.name)) for field in fields(value))]
    raise TypeError(f"a figure is drawn of plain values, not of {type(value).__name__}")


@cache
def _code() -> str:
    return code_digest(CODE)

"""Reads measurements that a command has left as JSON beside the page that is made from them."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from experiments.errors import UserError

Measured = TypeVar("Measured", bound=BaseModel)


def read_measured(path: Path, form: type[Measured], *, command: str) -> Measured:
    """What lies there. Raises UserError for a file of another form, naming the command that makes it."""
    try:
        return form.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise UserError(f"{path}: {where}: {first['msg']}: delete it, then run `{command}` again") from error

"""Which models and which other runs the values of a config name, however deep they stand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeVar

from pydantic import BaseModel

from experiments.config.models import CheckpointTeacher, Pretrained
from experiments.config.students import CheckpointStudent

Part = TypeVar("Part", bound=BaseModel)


def parts_of(value: Any, kind: type[Part]) -> Iterator[Part]:
    """Every part of one type among a config's values, however deep it stands."""
    if isinstance(value, kind):
        yield value
    if isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from parts_of(getattr(value, name), kind)
    elif isinstance(value, (tuple, list)):
        for item in value:
            yield from parts_of(item, kind)


def encoders_in(value: Any) -> Iterator[Pretrained]:
    """Every encoder and reranker among a config's values, however deep it stands."""
    return parts_of(value, Pretrained)


def runs_in(value: Any) -> Iterator[str]:
    """The other runs whose students a config's values name."""
    yield from (teacher.run for teacher in parts_of(value, CheckpointTeacher))
    yield from (student.run for student in parts_of(value, CheckpointStudent))

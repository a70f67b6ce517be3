"""Which documents are left out of a query's softmax, because they may well be relevant."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from experiments.config.models import DenseTeacher
from experiments.config.value import Value

Scope = Literal["in_batch", "all"]
"""in_batch: only other rows' documents can be masked; all: the row's own negatives, too."""
Margin = Annotated[float, Field(ge=0.0)]


class NoMask(Value):
    """Nothing is masked."""

    kind: Literal["none"] = "none"


class KnownPositivesMask(Value):
    """Documents that a training row shows as a positive of the same query; hidden positives are not known."""

    kind: Literal["known_positives"] = "known_positives"


class GuideMask(Value):
    """Documents that a guide scores above the positive, less a margin (GISTEmbed, Solatorio 2024, arXiv 2402.16829).

    g the guide's scores, g+ that of the row's positive, which is never masked: a document is masked iff g > g+ - margin
    (absolute) or g > g+ - |g+| x margin (relative).
    """

    kind: Literal["guide"] = "guide"
    teacher: DenseTeacher
    strategy: Literal["absolute", "relative"] = "absolute"
    margin: Margin = 0.0
    scope: Scope = "in_batch"

    @field_validator("teacher", mode="before")
    @classmethod
    def _has_vectors(cls, teacher: Any) -> Any:
        kind = teacher.get("kind", "dense") if isinstance(teacher, Mapping) else getattr(teacher, "kind", None)
        if kind != "dense":
            raise ValueError(f"{kind} has no vectors to score every pair of a batch with: name a dense teacher")
        return teacher


class SelfMask(Value):
    """Documents that the student itself scores above the positive's score + margin (Qwen3 Embedding, arXiv 2506.05176).

    Scores are cosines, without gradient. Reported to collapse in places (sentence-transformers issue 3662).
    """

    kind: Literal["self"] = "self"
    margin: Margin = 0.1
    scope: Scope = "in_batch"


MaskConfig = Annotated[NoMask | KnownPositivesMask | GuideMask | SelfMask, Field(discriminator="kind")]

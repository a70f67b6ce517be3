"""Facts of a training run for its record: thinned curve, final loss, whether the student collapsed."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from experiments.config import InfoNCE, Training
from experiments.records.facts import TrainingFacts

Point = tuple[int, dict[str, float]]
Curve = list[Point]
"""(step, {"loss", "learning_rate"}) of every step."""
POINTS = 100
"""How many points of a curve are kept."""
PARALLEL = 0.95
"""A mean cosine between documents above which they are all but parallel."""


def training_facts(
    settings: Training, *, rows: int, width: int, curve: Sequence[Point], mean_cosine: float
) -> TrainingFacts:
    """`width` is the documents a row holds, padding included.

    The final loss is the mean over the last tenth of the steps: one batch's loss is too noisy to judge by. A loss of
    distillation has no value of chance, so there the documents alone tell of a collapse.
    """
    last = curve[-max(1, len(curve) // 10) :]
    final = sum(values["loss"] for _, values in last) / len(last)
    collapsed = mean_cosine > PARALLEL
    if isinstance(settings, InfoNCE):
        scored = width * (settings.batch_size if settings.in_batch else 1)
        collapsed = is_collapsed(final_loss=final, scored=scored, mean_cosine=mean_cosine)
    kept = thin(curve)
    return TrainingFacts(
        rows=rows,
        steps=settings.steps,
        passes=settings.steps * settings.batch_size / rows,
        loss=tuple((step, values["loss"]) for step, values in kept),
        learning_rate=tuple((step, values["learning_rate"]) for step, values in kept),
        final_loss=final,
        mean_cosine=mean_cosine,
        collapsed=collapsed,
    )


def is_collapsed(*, final_loss: float, scored: int, mean_cosine: float) -> bool:
    """True when the student tells nothing apart: its loss within 1% of chance, its documents all but parallel."""
    chance = math.log(scored)
    return abs(final_loss - chance) <= 0.01 * chance and mean_cosine > PARALLEL


def thin(curve: Sequence[Point]) -> Curve:
    """At most POINTS evenly spaced points, the first and the last among them."""
    chosen = np.unique(np.linspace(0, len(curve) - 1, min(len(curve), POINTS)).round().astype(int))
    return [curve[i] for i in chosen]

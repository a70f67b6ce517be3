"""Measures a student while it is trained, every so many steps."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

SECONDS = "watch_seconds"
"""What is told beside the measure: how long taking it lasted."""


@dataclass(frozen=True)
class Watch:
    """`measure` gives the value called `name` of a model in evaluation mode; it is taken after every `every` steps."""

    name: str
    every: int
    measure: Callable[[SentenceTransformer], float]

    def at(self, step: int, *, steps: int) -> bool:
        """Whether it is time. Not after the last step, for a trained student is measured in any case."""
        return step % self.every == 0 and step < steps

    def measured(self, model: SentenceTransformer) -> dict[str, float]:
        """The value and the seconds that it took; the model goes on in the mode that it was in."""
        started, training = time.perf_counter(), model.training
        model.eval()
        try:
            value = self.measure(model)
        finally:
            model.train(training)
        return {self.name: value, SECONDS: time.perf_counter() - started}

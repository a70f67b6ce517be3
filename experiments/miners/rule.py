"""What a method decides by: a bar on scores, a floor on ranks, or neither."""

from __future__ import annotations

from dataclasses import dataclass

from experiments.ir import Scores


@dataclass(frozen=True)
class Rule:
    """A candidate survives iff its score is strictly below the row's bar and its rank is greater than the floor.

    bar: (R,) float32, rounded once, so that a score equal to the recorded bar is at the bar; None = no bar.
    floor: ranks counted after the exclusions; 0 = no floor.
    """

    bar: Scores | None = None
    floor: int = 0

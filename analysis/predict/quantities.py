"""What can be known of an arm before anything is trained, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from statistics import fmean

from analysis.mined import hardness
from experiments.records.mining import MiningFacts

Quantity = Callable[[Sequence[MiningFacts]], float | None]
"""Over the mining facts of an arm's seeds; None where it cannot be had from them."""


def known_false_rate(mining: Sequence[MiningFacts]) -> float | None:
    """Known false negatives among the mined, pooled over seeds."""
    mined = sum(facts.mined for facts in mining)
    return sum(facts.known_false for facts in mining) / mined if mined else None


def rejected_share(mining: Sequence[MiningFacts]) -> float | None:
    """Candidates that the bar rejected: the quantile at which it lies, 0 for a method without one."""
    candidates = sum(facts.candidates for facts in mining)
    return sum(facts.rejected for facts in mining) / candidates if candidates else None


def negative_score(mining: Sequence[MiningFacts]) -> float | None:
    """Mean score that the teacher gives to the negatives."""
    found = [facts.mean_negative_score for facts in mining if facts.mean_negative_score is not None]
    return fmean(found) if found else None


QUANTITIES: Mapping[str, Quantity] = {
    "known false negatives": known_false_rate,
    "above own positive": lambda mining: hardness(mining).above,
    "mean gap": lambda mining: hardness(mining).gap,
    "mean rank": lambda mining: hardness(mining).rank,
    "mean score": negative_score,
    "rejected by the bar": rejected_share,
}
TEACHER = "teacher's own nDCG@10"
"""Of the same model, measured untrained on the same queries and documents; it takes other runs, not mining facts."""

NAMES = (*QUANTITIES, TEACHER)

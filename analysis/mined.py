"""How hard an arm's negatives are, pooled over its seeds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from experiments.records.mining import Histogram, MiningFacts


@dataclass(frozen=True)
class Hardness:
    """Of the negatives that a teacher ranked; random ones have neither gap nor rank.

    above: share that the teacher scores above the row's own positive. gap: mean positive score minus negative score.
    rank: mean raw rank. None where it cannot be had from the records.
    """

    above: float | None
    gap: float | None
    rank: float | None


def hardness(mining: Sequence[MiningFacts]) -> Hardness:
    """Over the records of an arm, weighted by how many negatives each ranked."""
    return Hardness(
        above=pooled(mining, "above", _share_above),
        gap=pooled(mining, "gap", lambda facts: facts.mean_gap),
        rank=pooled(mining, "rank", lambda facts: facts.mean_rank),
    )


def pooled(mining: Sequence[MiningFacts], of: str, value: Callable[[MiningFacts], float | None]) -> float | None:
    """Mean of `value` weighted by the number of negatives in the histogram `of`; None where no record has both."""
    found = [(value(facts), ranked(facts, of)) for facts in mining]
    present = [(v, weight) for v, weight in found if v is not None and weight]
    return sum(v * w for v, w in present) / sum(w for _, w in present) if present else None


def ranked(facts: MiningFacts, of: str) -> int:
    """How many of the mined the mean of `of` ("gap", "rank" or "above") is over.

    An ensemble's negatives lie above their row's positive or not, but have no gaps in one unit.
    """
    if of == "above":
        return facts.ranked if facts.ranked is not None else ranked(facts, "gap")
    return sum(facts.histograms[of].counts) if of in facts.histograms else 0


def _share_above(facts: MiningFacts) -> float | None:
    """As counted; of a record made before it was, from the histogram of the gaps."""
    if facts.above_positive is not None and facts.ranked:
        return facts.above_positive / facts.ranked
    gaps = facts.histograms.get("gap")
    return None if gaps is None else share_below_zero(gaps)


def share_below_zero(gaps: Histogram) -> float | None:
    """Exact, for bins are closed on the left; None where no edge is 0 and a bin may hold gaps of either sign."""
    total = sum(gaps.counts)
    if not total or (0.0 not in gaps.edges and gaps.edges[0] < 0.0 < gaps.edges[-1]):
        return None
    below = [count for count, right in zip(gaps.counts, gaps.edges[1:], strict=True) if right <= 0.0]
    return sum(below) / total

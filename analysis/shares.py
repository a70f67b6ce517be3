"""What share of a whole difference one part of it makes up, with an interval.

Source: Fieller 1954, Some Problems in Interval Estimation, J. R. Stat. Soc. B 16: the interval of a ratio of two means
holds every ratio r for which "part - r x whole = 0" is not rejected. Here the test is the interval of
`stats.half_width`, so that a share's interval covers seeds and queries as those of the differences do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import optimize

from analysis.stats import Array, components, half_width

SMALLEST = 1e-9
"""An edge closer than this is the ratio itself: a part that is the same share of the whole everywhere."""
WIDEST = 2.0**20
"""An edge further off than this many times the whole is no edge: the interval is unbounded."""


@dataclass(frozen=True)
class Share:
    """part / whole and its interval, as fractions: 0.5 = half."""

    mean: float
    low: float
    high: float


def share(part: Sequence[Array], whole: Sequence[Array], *, level: float = 0.95) -> Share | None:
    """The mean of `part` over the mean of `whole`, tasks weighing the same, with Fieller's interval.

    part, whole: T arrays (S, Q_t) of differences, same seeds and queries in the same order. None where the interval is
    unbounded: where the whole is not clear of zero at `level`, a share of it means nothing.
    """
    mean, width = _mean_and_width(whole, level)
    if abs(mean) <= width:
        return None
    ratio = _mean_and_width(part, level)[0] / mean

    def rejected(candidate: float) -> float:
        """Above 0 iff `candidate` lies outside the interval."""
        rest, around = _mean_and_width([p - candidate * w for p, w in zip(part, whole, strict=True)], level)
        return abs(rest) - around

    low, high = _edge(rejected, ratio, -1.0), _edge(rejected, ratio, 1.0)
    return None if low is None or high is None else Share(ratio, low, high)


def _mean_and_width(differences: Sequence[Array], level: float) -> tuple[float, float]:
    return float(np.mean([d.mean() for d in differences])), half_width(components(differences), level)


def _edge(rejected: Callable[[float], float], ratio: float, direction: float) -> float | None:
    """The first ratio that is rejected on the way up (1.0) or down (-1.0); None where none is."""
    inside, step = ratio + direction * SMALLEST, 0.25
    if rejected(inside) > 0.0:
        return ratio
    while rejected(ratio + direction * step) <= 0.0:
        step *= 2.0
        if step > WIDEST:
            return None
    return float(optimize.brentq(rejected, inside, ratio + direction * step, xtol=SMALLEST))

"""Every mining method in one place: its name in the paper, its parameter, the paper's optimum, and its rule.

A method is one entry of METHODS and one config type (config/mining.py). Tables, figures and the audit read the same
entries, so that a new method needs no other place.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from experiments.config import (
    MinerConfig,
    NaiveTopK,
    TopKAbs,
    TopKCalibrated,
    TopKMarginPos,
    TopKPercPos,
    TopKQuantile,
    TopKShifted,
)
from experiments.ir import Scores
from experiments.miners.calibration import Estimate, calibrate
from experiments.miners.reasons import SURVIVOR

if TYPE_CHECKING:
    from experiments.miners.pool import Pool


@dataclass(frozen=True)
class Rule:
    """A candidate survives iff its score is strictly below the row's bar and its rank is greater than the floor.

    And, of a rule with an estimate, iff what is estimated of it is below the target.

    bar: (R,) float32, rounded once, so that a score equal to the recorded bar is at the bar; None = no bar.
    floor: ranks counted after the exclusions; 0 = no floor.
    """

    bar: Scores | None = None
    floor: int = 0
    estimate: Estimate | None = None


@dataclass(frozen=True)
class Method:
    """What a kind of miner is.

    label: its name in tables and figures (the paper's where it has one). parameter: the config field that holds its own
    parameter; None = it has none. optimum: the paper's best value (Table 3 of arXiv 2407.15831). rule: from the miner's
    config and the rows with their candidates; None = nothing is ranked.
    """

    label: str
    parameter: str | None
    optimum: float | None
    rule: Callable[[Any, Pool], Rule] | None

    def value(self, miner: MinerConfig) -> float | None:
        """The method's own parameter in a config; None for a method without one."""
        return None if self.parameter is None else float(getattr(miner, self.parameter))


def _no_bar(_miner: NaiveTopK, _pool: Pool) -> Rule:
    """Everything survives."""
    return Rule()


def _shift(miner: TopKShifted, _pool: Pool) -> Rule:
    """Ranks 1 to `shift`, counted after the exclusions, are rejected."""
    return Rule(floor=miner.shift)


def _absolute(miner: TopKAbs, pool: Pool) -> Rule:
    """The bar is the threshold, whatever the anchor scores."""
    return Rule(bar=np.full_like(pool.anchor, miner.threshold))


def _margin(miner: TopKMarginPos, pool: Pool) -> Rule:
    """The bar is the anchor score less the threshold."""
    return Rule(bar=(pool.anchor.astype(np.float64) - miner.threshold).astype(np.float32))


def _share(miner: TopKPercPos, pool: Pool) -> Rule:
    """The bar is the anchor score times the threshold.

    Written as anchor - |anchor| * (1 - threshold), so that the bar of a negative score lies below it as well
    (sentence-transformers #3819, mended there in #3821).
    """
    wide = pool.anchor.astype(np.float64)
    return Rule(bar=(wide - np.abs(wide) * (1.0 - miner.threshold)).astype(np.float32))


def _quantile(miner: TopKQuantile, pool: Pool) -> Rule:
    """The bar is the anchor score plus the `quantile` of (score - anchor) over all candidates that are looked at.

    NumPy's method "lower" gives one of these gaps. Where nothing is looked at there is nothing to bar.
    """
    gaps = np.concatenate([np.zeros(0), *(_gaps(pool, part) for part in pool.chunks())])
    if not len(gaps):
        return Rule()
    gap = np.quantile(gaps, miner.quantile, method="lower")
    return Rule(bar=(pool.anchor.astype(np.float64) + gap).astype(np.float32))


def _calibrated(miner: TopKCalibrated, pool: Pool) -> Rule:
    """No bar: each candidate is judged by its own probability of being a hidden positive."""
    return Rule(estimate=calibrate(pool, target=miner.target))


def _gaps(pool: Pool, part: slice) -> npt.NDArray[np.float64]:
    """Score less anchor of each candidate of these rows that is looked at."""
    row, column = np.nonzero(pool.state[part] == SURVIVOR)
    score = pool.candidates.score[pool.rows.query[part][row], column]
    return np.asarray(score.astype(np.float64) - pool.anchor[part][row])


METHODS: dict[str, Method] = {
    "naive_topk": Method("Naive Top-K", None, None, _no_bar),
    "topk_shifted": Method("Top-K shifted", "shift", 10.0, _shift),
    "topk_abs": Method("TopK-Abs", "threshold", 0.7, _absolute),
    "topk_marginpos": Method("TopK-MarginPos", "threshold", 0.05, _margin),
    "topk_percpos": Method("TopK-PercPos", "threshold", 0.95, _share),
    "topk_quantile": Method("TopK-Quantile", "quantile", None, _quantile),
    "topk_calibrated": Method("TopK-Calibrated (told hidden positives)", "target", None, _calibrated),
    "random": Method("random", None, None, None),
    "given": Method("given with the data", None, None, None),
}
"""By the config's `kind`. Tables and figures list methods in this order."""


def ranks(miner: MinerConfig) -> bool:
    """Whether the method reads a teacher's ranking."""
    return METHODS[miner.kind].rule is not None


def rule_of(miner: MinerConfig, pool: Pool) -> Rule | None:
    """The rule for the rows of a pool; None for a method that ranks nothing."""
    rule = METHODS[miner.kind].rule
    return None if rule is None else rule(miner, pool)

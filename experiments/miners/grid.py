"""Every method over a grid of its own parameter, in one pass over one set of candidates."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from experiments.config import (
    MinerConfig,
    MiningConfig,
    NaiveTopK,
    RandomMiner,
    TopKAbs,
    TopKMarginPos,
    TopKPercPos,
    TopKQuantile,
    TopKShifted,
)
from experiments.config.mining import check_miner
from experiments.ir import NO_DOCUMENT
from experiments.miners.ensemble import Ranked
from experiments.miners.mine import Mined, mine_pools
from experiments.miners.pool import Pool

SHIFTS = (5, 10, 20, 50)
SHARES = (0.7, 0.8, 0.85, 0.9, 0.95, 0.98, 1.0, 1.05)
MARGINS = (0.0, 0.02, 0.05, 0.1, 0.2, 0.3)
QUANTILES = (0.5, 0.7, 0.8, 0.9, 0.95)
SCORE_SHARES = (0.25, 0.5, 0.75, 0.9, 0.95, 0.99)
"""Absolute bars stand at these quantiles of the candidates' scores, since teachers score in units of their own."""


def grid(pools: Sequence[Pool], mining: MiningConfig) -> list[MinerConfig]:
    """The methods to lay out, each at its values; a value at which no row could be kept is left out.

    Margins are in units of cosine where every score lies within [-1, 1], else of the mean positive score. Several
    teachers share no unit, so for an ensemble's pools there is no absolute bar and margins are those of cosine.
    """
    unit = 1.0 if len(pools) > 1 else _unit(pools[0])
    bars = [] if len(pools) > 1 else _bars(pools[0])
    found: list[MinerConfig] = [RandomMiner(), NaiveTopK()]
    found += [TopKShifted(shift=shift) for shift in SHIFTS]
    found += [TopKAbs(threshold=bar) for bar in bars]
    found += [TopKMarginPos(threshold=_short(margin * unit)) for margin in MARGINS]
    found += [TopKPercPos(threshold=share) for share in SHARES]
    found += [TopKQuantile(quantile=quantile) for quantile in QUANTILES]
    return [miner for miner in found if _possible(miner, mining)]


def mine_grid(pools: Sequence[Pool], ranked: Ranked, mining: MiningConfig) -> Iterator[tuple[MinerConfig, Mined]]:
    """What each method of `grid` mines from the same pools."""
    for miner in grid(pools, mining):
        yield miner, mine_pools(pools, miner, ranked)


def _possible(miner: MinerConfig, mining: MiningConfig) -> bool:
    try:
        check_miner(miner, mining)
    except ValueError:
        return False
    return True


def _scores(pool: Pool) -> npt.NDArray[np.float64]:
    """Scores of all candidates of the training rows' queries."""
    query = np.unique(pool.rows.query)
    score, document = pool.candidates.score[query], pool.candidates.document[query]
    return np.asarray(score[document != NO_DOCUMENT], dtype=np.float64)


def _unit(pool: Pool) -> float:
    scores = _scores(pool)
    if not len(scores) or (np.abs(scores).max() <= 1.0 and np.abs(pool.anchor).max(initial=0.0) <= 1.0 + 1e-6):
        return 1.0
    return float(np.abs(pool.anchor).mean()) or 1.0


def _bars(pool: Pool) -> list[float]:
    scores = _scores(pool)
    if not len(scores):
        return []
    return list(dict.fromkeys(_short(float(bar)) for bar in np.quantile(scores, SCORE_SHARES)))


def _short(value: float) -> float:
    """To three significant digits, so that it can be typed."""
    return float(f"{value:.3g}")

"""Layouts pool seeds by what their means are over."""

from __future__ import annotations

import pytest

from analysis.layouts import layouts
from experiments.config import RunConfig
from experiments.records.mining import Histogram, MiningFacts
from tests.analysis import synthetic


def mined(
    *, seed: int, ranked: int, filled: int, gap: float | None, rank: float | None
) -> tuple[RunConfig, MiningFacts]:
    """`ranked` negatives with a score, and `filled` random documents in the gaps."""
    arm = synthetic.CORE["naive_topk"]
    facts = synthetic.mining_facts(arm, seed=seed)
    assert facts is not None
    bins = {
        "gap": Histogram(edges=(0.0, 0.5, 1.0), counts=(ranked, 0)),
        "rank": Histogram(edges=(1.0, 50.0, 100.0), counts=(ranked, 0)),
    }
    update = {"mined": ranked + filled, "mean_gap": gap, "mean_rank": rank, "histograms": bins if ranked else {}}
    config = synthetic.config(arm, collection="docstrings", seed=seed, tasks=(), until="mine")
    return config, facts.model_copy(update=update)


def test_hardness_is_weighted_by_what_was_ranked() -> None:
    [layout] = layouts(
        [
            mined(seed=0, ranked=100, filled=0, gap=0.1, rank=2.0),
            mined(seed=1, ranked=50, filled=850, gap=0.4, rank=8.0),
            mined(seed=2, ranked=0, filled=900, gap=None, rank=None),
        ]
    )
    assert layout.mined == 1900
    assert layout.hardness.gap == pytest.approx((100 * 0.1 + 50 * 0.4) / 150)
    assert layout.hardness.rank == pytest.approx((100 * 2 + 50 * 8) / 150)

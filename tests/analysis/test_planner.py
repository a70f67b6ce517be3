"""The planner against simulated power, and its refusals."""

from __future__ import annotations

import numpy as np
import pytest

from analysis.planner import Spread, power, seeds_needed, spread
from analysis.stats import Components, components, paired_difference
from experiments.errors import UserError


def test_power_agrees_with_simulation() -> None:
    found = Spread(seed=0.004**2, query=0.1**2, residual=0.08**2, tasks=1)
    rng = np.random.default_rng(0)
    hits, repeats = 0, 400
    for _ in range(repeats):
        d = 0.02 + rng.normal(0, 0.004, (5, 1)) + rng.normal(0, 0.1, (1, 300)) + rng.normal(0, 0.08, (5, 300))
        hits += paired_difference([d], [np.zeros_like(d)]).p < 0.05
    expected = power(found, difference=0.02, seeds=5, queries=300)
    assert hits / repeats == pytest.approx(expected, abs=4 * (expected * (1 - expected) / repeats) ** 0.5)


def test_components_are_recovered() -> None:
    rng = np.random.default_rng(1)
    d = rng.normal(0, 0.02, (200, 1)) + rng.normal(0, 0.1, (1, 400)) + rng.normal(0, 0.08, (200, 400))
    found = spread(components([d]))
    assert (found.seed**0.5, found.query**0.5, found.residual**0.5) == pytest.approx((0.02, 0.1, 0.08), rel=0.15)


def test_fewest_seeds() -> None:
    found = Spread(seed=0.004**2, query=0.05**2, residual=0.05**2, tasks=1)
    wanted = {"difference": 0.01, "queries": 3000, "alpha": 0.05}
    fewest = seeds_needed(found, power_wanted=0.8, **wanted)
    assert fewest is not None
    assert power(found, seeds=fewest, **wanted) >= 0.8 > power(found, seeds=fewest - 1, **wanted)
    assert seeds_needed(found, difference=0.001, queries=100, power_wanted=0.8, alpha=0.05) is None


def test_one_seed_has_no_spread() -> None:
    with pytest.raises(UserError, match="cannot be had from one seed"):
        spread(Components(1, (100,), 0.0, (0.1,), (0.0,)))

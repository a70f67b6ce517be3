"""Statistics against hand-computed cases, SciPy where it has the same thing, and a small simulation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from analysis.stats import (
    Components,
    components,
    equivalence_p,
    half_width,
    holm,
    p_value,
    paired_difference,
    task_mean_squares,
    wilson,
)
from experiments.errors import UserError


def test_mean_squares_by_hand() -> None:
    # Two seeds, three queries. Query means 2, 4, 6, seed means 3, 5, grand 4: interaction is zero but for 0, +1, -1.
    table = np.array([[1.0, 2.0, 6.0], [3.0, 6.0, 6.0]])
    ms_query, ms_residual = task_mean_squares(table)
    assert ms_query == pytest.approx(2 * (4 + 0 + 4) / 2)
    assert ms_residual == pytest.approx(4 / 2)


def test_components_by_hand() -> None:
    table = np.array([[1.0, 2.0, 6.0], [3.0, 6.0, 6.0]])
    found = components([table])
    assert found.seed_means == pytest.approx(2.0)  # variance of 3 and 5
    assert found.query == pytest.approx(((8.0 - 2.0) / 2,))
    assert found.residual == pytest.approx((2.0,))


def test_half_width_is_the_formula_of_the_design() -> None:
    found = Components(seeds=3, queries=(50, 200), seed_means=0.0004, query=(0.02, 0.01), residual=(0.0, 0.0))
    t_seed, t_small, t_large = (scipy_stats.t.ppf(0.975, df) for df in (2, 49, 199))
    square = t_seed**2 * 0.0004 / 3 + t_small**2 * 0.02 / (50 * 4) + t_large**2 * 0.01 / (200 * 4)
    assert half_width(found, 0.95) == pytest.approx(square**0.5)


def test_query_component_below_zero_counts_as_zero() -> None:
    rng = np.random.default_rng(3)
    noise = rng.normal(size=(4, 30))
    noise -= noise.mean(axis=0, keepdims=True)  # no query effect at all is left
    noise += np.arange(4)[:, None]
    found = components([noise])
    assert found.query == (0.0,)
    assert half_width(found, 0.95) == pytest.approx(scipy_stats.t.ppf(0.975, 3) * noise.mean(axis=1).std(ddof=1) / 2)


def test_one_seed_is_the_paired_t_test_over_queries() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.random((1, 80)), rng.random((1, 80)) - 0.05
    found = paired_difference([a], [b])
    oracle = scipy_stats.ttest_rel(a[0], b[0])
    interval = oracle.confidence_interval(0.95)
    assert found.over == "queries only"
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))
    assert found.p == pytest.approx(oracle.pvalue)


def test_many_identical_queries_leave_the_t_test_over_seeds() -> None:
    by_seed = np.array([0.01, 0.03, 0.02, 0.05])
    a = np.repeat(by_seed[:, None], 500, axis=1)
    found = paired_difference([a], [np.zeros_like(a)])
    oracle = scipy_stats.ttest_1samp(by_seed, 0.0)
    assert found.p == pytest.approx(oracle.pvalue)
    assert found.low == pytest.approx(oracle.confidence_interval(0.95).low)


def test_a_deterministic_pair_rests_on_queries() -> None:
    row = np.random.default_rng(1).normal(0.1, 1, 60)
    repeated = paired_difference([np.tile(row, (3, 1))], [np.zeros((3, 60))])
    single = paired_difference([row[None]], [np.zeros((1, 60))])
    assert repeated.components.seed_means == pytest.approx(0.0, abs=1e-30)
    assert (repeated.low, repeated.high) == pytest.approx((single.low, single.high))


def test_tasks_weigh_the_same_whatever_their_size() -> None:
    small, large = np.full((2, 10), 0.3), np.full((2, 990), 0.1)
    found = paired_difference([small, large], [np.zeros_like(small), np.zeros_like(large)])
    assert found.mean == pytest.approx(0.2)


def test_identical_arms() -> None:
    a = np.random.default_rng(2).random((3, 40))
    found = paired_difference([a], [a])
    assert (found.mean, found.low, found.high, found.p) == (0.0, 0.0, 0.0, 1.0)


@settings(deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 6), st.floats(0.0, 0.3))
def test_p_is_the_level_at_which_the_interval_touches_zero(seed: int, seeds: int, shift: float) -> None:
    rng = np.random.default_rng(seed)
    a = rng.normal(shift, 0.3, (seeds, 40)) + rng.normal(0, 0.05, (seeds, 1))
    found = paired_difference([a], [np.zeros_like(a)])
    if 1e-10 < found.p < 1 - 1e-6:
        assert half_width(found.components, 1 - found.p) == pytest.approx(abs(found.mean), rel=1e-6)
    assert (found.p < 0.05) == (found.low > 0 or found.high < 0)


def test_equivalence_is_the_ninety_percent_interval_inside_the_margin() -> None:
    a = np.random.default_rng(5).normal(0.001, 0.05, (5, 400))
    found = paired_difference([a], [np.zeros_like(a)])
    edge = abs(found.mean) + half_width(found.components, 0.90)
    assert equivalence_p(found, edge) == pytest.approx(0.05, rel=1e-4)
    assert equivalence_p(found, edge * 1.01) < 0.05 < equivalence_p(found, edge * 0.99)
    assert equivalence_p(found, abs(found.mean) / 2) > 0.5


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.9]) == pytest.approx([1.0, 1.0])


@pytest.mark.parametrize(("known", "mined"), [(0, 10), (3, 40), (40, 40)])
def test_wilson_by_hand(known: int, mined: int) -> None:
    z = scipy_stats.norm.ppf(0.975)
    share = known / mined
    centre = (share + z**2 / (2 * mined)) / (1 + z**2 / mined)
    width = z / (1 + z**2 / mined) * (share * (1 - share) / mined + z**2 / (4 * mined**2)) ** 0.5
    assert wilson(known, mined) == pytest.approx((centre - width, centre + width), abs=1e-12)


def test_seed_interval_from_one_seed_is_refused() -> None:
    with pytest.raises(UserError, match="an interval over seeds from one seed"):
        paired_difference([np.zeros((1, 9))], [np.zeros((1, 9))], over="seeds and queries")


def test_unequal_shapes_are_refused() -> None:
    with pytest.raises(UserError, match="same seeds and queries"):
        paired_difference([np.zeros((2, 9))], [np.zeros((2, 8))])


def test_p_of_a_constant_difference_is_the_smallest() -> None:
    a = np.full((3, 20), 0.25)
    assert p_value(0.25, components([a])) < 1e-6

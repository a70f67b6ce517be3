"""Fieller's interval of a share, against his closed form and against its own definition."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from analysis.shares import share
from analysis.stats import Array, paired_difference


def drawn(seed: int, *, seeds: int, queries: int, part: float = 0.02, whole: float = 0.05) -> tuple[Array, Array]:
    """(S, Q) differences; part and whole depend on each other, as a step and the way it belongs to do."""
    rng = np.random.default_rng(seed)
    common = rng.normal(0, 0.1, queries)
    a = part + 0.5 * common + rng.normal(0, 0.02, (seeds, 1)) + rng.normal(0, 0.1, (seeds, queries))
    b = whole + common + rng.normal(0, 0.01, (seeds, 1)) + rng.normal(0, 0.1, (seeds, queries))
    return a, b


@given(seed=st.integers(0, 10_000))
def test_one_seed_is_fieller_s_closed_form(seed: int) -> None:
    """(a - r b)^2 = t^2 (v_aa - 2 r v_ab + r^2 v_bb): a quadratic in r."""
    a, b = drawn(seed, seeds=1, queries=80)
    means, cov = np.array([a.mean(), b.mean()]), np.cov(a[0], b[0]) / 80
    t2 = stats.t.ppf(0.975, 79) ** 2
    quadratic = [
        means[1] ** 2 - t2 * cov[1, 1],
        -2 * (means[0] * means[1] - t2 * cov[0, 1]),
        means[0] ** 2 - t2 * cov[0, 0],
    ]
    found = share([a], [b])
    if quadratic[0] <= 0:
        assert found is None
        return
    low, high = sorted(np.roots(quadratic).real)
    assert found is not None
    assert (found.mean, found.low, found.high) == pytest.approx((means[0] / means[1], low, high), abs=1e-6)


def test_the_edges_are_where_the_difference_is_just_not_rejected() -> None:
    parts, wholes = zip(*(drawn(seed, seeds=5, queries=q) for seed, q in ((1, 200), (2, 90))), strict=True)
    found = share(parts, wholes)
    assert found is not None
    for edge, touches in ((found.low, "low"), (found.high, "high")):
        scaled = [edge * whole for whole in wholes]
        test = paired_difference(parts, scaled)
        assert getattr(test, touches) == pytest.approx(0.0, abs=1e-7)


def test_parts_of_a_whole_add_up_and_the_whole_is_all_of_itself() -> None:
    part, whole = drawn(3, seeds=4, queries=100)
    one, other, all_of_it = share([part], [whole]), share([whole - part], [whole]), share([whole], [whole])
    assert one is not None
    assert other is not None
    assert all_of_it is not None
    assert one.mean + other.mean == pytest.approx(1.0)
    assert (one.low + other.high, one.high + other.low) == pytest.approx((1.0, 1.0), abs=1e-6)
    assert (all_of_it.low, all_of_it.mean, all_of_it.high) == pytest.approx((1.0, 1.0, 1.0), abs=1e-6)


def test_a_share_of_a_whole_that_may_be_nothing_is_none() -> None:
    part, whole = drawn(4, seeds=5, queries=50, whole=0.0)
    assert share([part], [whole - whole.mean()]) is None


def test_the_interval_covers_the_true_share() -> None:
    """True share .4 by construction; 95% nominal, 300 repeats: at least 91% is within simulation error."""
    inside = 0
    for repeat in range(300):
        part, whole = drawn(10_000 + repeat, seeds=5, queries=60, part=0.04, whole=0.1)
        found = share([part], [whole])
        inside += found is not None and found.low <= 0.4 <= found.high
    assert inside / 300 >= 0.91

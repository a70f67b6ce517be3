"""What is known before training against gains: orders by brute force, and signs that come from other collections."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from analysis.load import Study
from analysis.predict.groups import Group, groups_of
from analysis.predict.leave_out import by_all, by_quantity, chance_regret, mean_tau, regret, tau
from analysis.predict.page import page
from analysis.predict.quantities import NAMES

NUMBERS = st.lists(st.tuples(st.integers(-3, 3), st.integers(-3, 3)), min_size=3, max_size=8)


def group(collection: str, gains: list[float], **known: list[float]) -> Group:
    columns = {name: np.asarray(values, dtype=np.float64) for name, values in known.items()}
    arms = tuple(f"arm{i}" for i in range(len(gains)))
    return Group("study", "block", f"{collection}/test", arms, np.asarray(gains, dtype=np.float64), columns, 1)


@given(NUMBERS)
def test_tau_counts_pairs_in_the_same_and_in_the_opposite_order(pairs: list[tuple[int, int]]) -> None:
    x, y = (np.asarray(column, dtype=np.float64) for column in zip(*pairs, strict=True))
    found = tau(x, y)
    if len(set(x)) == 1 or len(set(y)) == 1:
        assert found is None
        return
    signs = [(np.sign(a[0] - b[0]), np.sign(a[1] - b[1])) for a, b in combinations(pairs, 2)]
    agree = sum(float(one * two) for one, two in signs)
    in_x, in_y = sum(one != 0 for one, _ in signs), sum(two != 0 for _, two in signs)
    assert found == pytest.approx(agree / (in_x * in_y) ** 0.5)
    assert found == stats.kendalltau(x, y).statistic


def test_an_arm_without_the_quantity_is_left_out() -> None:
    x, y = np.asarray([1.0, 2.0, 3.0, np.nan]), np.asarray([1.0, 2.0, 3.0, -9.0])
    assert tau(x, y) == pytest.approx(1.0)
    assert tau(x[1:], y[1:]) is None
    assert regret(x, y) == 0.0
    assert regret(-x, y) == pytest.approx(2.0)
    assert regret(np.asarray([1.0, 1.0, 0.0, np.nan]), y) == pytest.approx(1.5)


def test_the_sign_comes_from_the_other_collections() -> None:
    rising = [group(name, [0.0, 0.1, 0.2, 0.3], gap=[1, 2, 3, 4]) for name in ("a", "b")]
    falling = group("c", [0.0, 0.1, 0.2, 0.3], gap=[4, 3, 2, 1])
    found = {one.collection: one for one in by_quantity([*rising, falling], "gap")}
    assert found["c"].tau == pytest.approx(-1.0)
    assert found["c"].regret == pytest.approx(0.3)
    (alone,) = by_quantity([falling, group("a", [0.0, 0.1, 0.2, 0.3], gap=[np.nan] * 4)], "gap") or [None]
    assert alone is None
    both = by_quantity(rising, "gap")
    assert [(one.tau, one.regret) for one in both] == [(pytest.approx(1.0), 0.0)] * 2
    assert chance_regret(rising) == pytest.approx(0.15)


def test_collections_weigh_alike_however_many_groups_they_have() -> None:
    up, down = ([0.0, 0.1, 0.2], [1, 2, 3]), ([0.0, 0.1, 0.2], [3, 2, 1])
    groups = [group("a", up[0], gap=up[1]), *(group("b", down[0], gap=down[1]) for _ in range(3))]
    assert mean_tau(groups, lambda one: one.known["gap"]) == pytest.approx(0.0)


def test_least_squares_takes_the_quantity_that_matters() -> None:
    rng = np.random.default_rng(0)
    groups = []
    for name in "abcd":
        gap, noise = rng.normal(size=8), rng.normal(size=8)
        groups.append(group(name, list(0.01 * gap), gap=list(5 + 3 * gap), noise=list(noise)))
    assert [one.tau for one in by_all(groups, ["gap", "noise"])] == [pytest.approx(1.0)] * 4


def test_groups_hold_the_trained_arms_with_rows_of_their_own(loaded: Study) -> None:
    groups = groups_of([loaded])
    assert {(one.block, one.collection) for one in groups} == {("docstrings", "docstrings"), ("nfcorpus", "nfcorpus")}
    for one in groups:
        assert "untrained" not in one.arms
        assert not [arm for arm in one.arms if arm.endswith("_common")]
        assert one.gains[one.arms.index("naive_topk")] == 0.0
        assert set(one.known) == set(NAMES)
        rates = dict(zip(one.arms, one.known["known false negatives"], strict=True))
        assert rates["naive_topk"] > rates["naive_topk_reveal1"]
    text = page(groups, [])
    assert all(name in text for name in NAMES)
    assert "No study has yet two blocks" in text

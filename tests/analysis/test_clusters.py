"""The cluster-robust interval against a jackknife by deletion, SciPy, and the interval that it generalises."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from analysis.clusters import cluster_values, clustered_difference
from analysis.stats import paired_difference
from experiments.errors import UserError

LABELS = st.lists(st.integers(-3, 6), min_size=4, max_size=40).filter(lambda found: len(set(found)) > 1)


def drawn(seeds: int, queries: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.normal(0.01, 0.1, (seeds, queries)) + rng.normal(0, 0.1, queries) + rng.normal(0, 0.01, (seeds, 1))


@pytest.mark.parametrize("seeds", [1, 4])
def test_queries_alone_are_the_ordinary_interval_digit_for_digit(seeds: int) -> None:
    arm, base = [drawn(seeds, 57), drawn(seeds, 31, seed=1)], [drawn(seeds, 57, seed=2), drawn(seeds, 31, seed=3)]
    labels = [np.arange(57) * 3 - 20, np.arange(31)]
    assert clustered_difference(arm, base, labels) == paired_difference(arm, base)


def test_the_names_of_clusters_and_the_order_of_queries_do_not_matter() -> None:
    arm, base = drawn(3, 24), drawn(3, 24, seed=1)
    labels = np.repeat([0, 1, 2, 3, 4, 5], [1, 2, 3, 4, 5, 9])
    found = clustered_difference([arm], [base], [labels])
    order = np.random.default_rng(0).permutation(24)
    again = clustered_difference([arm[:, order]], [base[:, order]], [(labels * -7 + 100)[order]])
    assert (again.low, again.high, again.p) == pytest.approx((found.low, found.high, found.p), rel=1e-9)


@settings(deadline=None)
@given(LABELS, st.integers(0, 1000))
def test_one_seed_is_the_jackknife_that_deletes_clusters(labels: list[int], seed: int) -> None:
    values, groups = drawn(1, len(labels), seed)[0], np.array(labels)
    names = sorted(set(labels))
    without = np.array([values[groups != name].mean() for name in names])
    variance = (len(names) - 1) / len(names) * ((without - without.mean()) ** 2).sum()
    width = scipy_stats.t.ppf(0.975, len(names) - 1) * variance**0.5
    found = clustered_difference([values[None]], [np.zeros((1, len(labels)))], [groups])
    assert found.mean == pytest.approx(values.mean(), abs=1e-12)
    assert (found.low, found.high) == pytest.approx((values.mean() - width, values.mean() + width), abs=1e-9)


def test_equal_clusters_are_their_means() -> None:
    arm, base = drawn(4, 30), drawn(4, 30, seed=1)
    found = clustered_difference([arm], [base], [np.repeat(np.arange(10), 3)])
    means = [array.reshape(4, 10, 3).mean(axis=2) for array in (arm, base)]
    oracle = paired_difference([means[0]], [means[1]])
    assert (found.low, found.high, found.p) == pytest.approx((oracle.low, oracle.high, oracle.p), rel=1e-9)


@settings(deadline=None)
@given(LABELS)
def test_each_seed_keeps_its_mean(labels: list[int]) -> None:
    values = drawn(5, len(labels))
    kept = cluster_values(values, np.array(labels))
    assert kept.shape == (5, len(set(labels)))
    np.testing.assert_allclose(kept.mean(axis=1), values.mean(axis=1), atol=1e-12)


def test_copies_of_queries_do_not_narrow_the_interval() -> None:
    arm, base = drawn(3, 40), drawn(3, 40, seed=1)
    once = paired_difference([arm], [base])
    copied = [np.repeat(array, 3, axis=1) for array in (arm, base)]
    naive = paired_difference([copied[0]], [copied[1]])
    robust = clustered_difference([copied[0]], [copied[1]], [np.repeat(np.arange(40), 3)])
    assert (robust.low, robust.high) == pytest.approx((once.low, once.high), rel=1e-9)
    assert naive.high - naive.low < 0.9 * (robust.high - robust.low)


def test_degrees_of_freedom_come_from_clusters() -> None:
    values = np.repeat([0.0, 1.0, 5.0], 100)[None]
    found = clustered_difference([values], [np.zeros_like(values)], [np.repeat([0, 1, 2], 100)])
    oracle = scipy_stats.ttest_1samp([0.0, 1.0, 5.0], 0.0)
    assert found.components.queries == (3,)
    assert found.p == pytest.approx(oracle.pvalue)


def test_one_cluster_is_refused() -> None:
    with pytest.raises(UserError, match="1 cluster: all 9 queries are in the same group"):
        clustered_difference([np.zeros((2, 9))], [np.zeros((2, 9))], [np.full(9, 4)])


def test_labels_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="labels of shape"):
        cluster_values(np.zeros((2, 9)), np.zeros(8, dtype=int))

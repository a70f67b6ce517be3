"""The simulation: same interval as `stats`, zero true difference, coverage within Monte Carlo error."""

from __future__ import annotations

import numpy as np
import pytest

from analysis import simulate as sim
from analysis.clusters import clustered_difference
from analysis.simulate_designs import SHAPES, Design, designs, grouped_designs
from analysis.stats import components, half_width


@pytest.mark.parametrize("shape", SHAPES)
def test_vectorised_interval_equals_the_one_that_tables_use(shape: str) -> None:
    design = Design(shape, seeds=3, queries=40, seed_variance="large")
    differences = sim.differences(design, 4, np.random.default_rng(0)).astype(np.float64)
    squares = sim.task_mean_squares(differences)
    query = np.maximum(squares[0] - squares[1], 0) / 3
    between = differences.mean(axis=-1).var(axis=-1, ddof=1)
    ours = sim.half_width(3, 40, between, query, 0.95)
    for index in np.ndindex(ours.shape):
        assert ours[index] == pytest.approx(half_width(components([differences[index]]), 0.95))


@pytest.mark.parametrize("shape", SHAPES)
def test_the_true_difference_is_zero(shape: str) -> None:
    design = Design(shape, seeds=3, queries=300, seed_variance="small")
    drawn = sim.differences(design, 400, np.random.default_rng(1)).mean(axis=(-1, -2))
    assert abs(drawn.mean()) < 4 * drawn.std() / np.sqrt(drawn.size / 2)


def test_skewed_has_mass_at_zero_and_skewness() -> None:
    design = Design("skewed", seeds=3, queries=3000, seed_variance="none")
    drawn = sim.differences(design, 2, np.random.default_rng(2))
    assert (drawn == 0).all(axis=-2).mean() == pytest.approx(sim.UNTOUCHED + 0.6 * 0.3**3, abs=0.03)
    by_query = drawn.mean(axis=-2)
    assert ((by_query - by_query.mean()) ** 3).mean() / by_query.std() ** 3 > 0.3


@pytest.mark.parametrize("design", [Design("skewed", 3, 300, "small"), Design("gaussian", 5, 300, "large")])
def test_coverage_is_at_least_what_is_claimed(design: Design) -> None:
    for outcome in sim.simulate(design, repeats=600, rng=np.random.default_rng(7)):
        assert outcome.coverage >= 0.945 - 3 * outcome.coverage_error
        assert outcome.family_wise <= 0.05 + 3 * outcome.family_wise_error


@pytest.mark.parametrize("groups", ["threes", "unequal", "ten"])
def test_vectorised_interval_by_group_equals_the_one_that_pages_use(groups: str) -> None:
    design = Design("gaussian", seeds=3, queries=60, seed_variance="large", groups=groups)
    differences = sim.differences(design, 2, np.random.default_rng(0)).astype(np.float64)
    query = sim.component(sim.cluster_values(differences, design.labels))
    between = differences.mean(axis=-1).var(axis=-1, ddof=1)
    ours = sim.half_width(3, design.units["group"], between, query, 0.95)
    for index in np.ndindex(ours.shape):
        table = differences[index]
        found = clustered_difference([table], [np.zeros_like(table)], [design.labels])
        assert ours[index] == pytest.approx((found.high - found.low) / 2)


def test_groups_have_the_sizes_that_their_names_say() -> None:
    sizes = {
        name: np.bincount(Design("gaussian", 3, 300, "none", name).labels) for name in ("threes", "unequal", "ten")
    }
    assert set(sizes["threes"]) == {3}
    assert sizes["unequal"][:7].tolist() == [1, 1, 1, 3, 9, 1, 1]
    assert (len(sizes["ten"]), sizes["ten"][0] * 11, sizes["ten"][-1]) == (10, 55, 55)
    assert {int(found.sum()) for found in sizes.values()} == {300}


def test_queries_of_a_group_share_their_effect_and_nothing_else() -> None:
    def between_seeds_and_in_groups(groups: str) -> tuple[float, float]:
        design = Design("gaussian", 5, 3000, "none", groups)
        by_query = sim.differences(design, 1, np.random.default_rng(0))[0, 0, 0].reshape(5, 1000, 3)
        apart = np.corrcoef(by_query[0, :, 0], by_query[1, :, 1])[0, 1]
        return float(np.corrcoef(by_query[0, :, 0], by_query[1, :, 0])[0, 1]), float(apart)

    same, within = between_seeds_and_in_groups("threes")
    assert (same, within) == pytest.approx((0.5, 0.5), abs=0.1)
    same, within = between_seeds_and_in_groups("threes, nothing shared")
    assert (same, within) == pytest.approx((0.5, 0.0), abs=0.1)


def test_by_group_covers_where_by_query_does_not() -> None:
    design = Design("gaussian", 5, 300, "none", "threes")
    for outcome in sim.simulate(design, repeats=600, rng=np.random.default_rng(7)):
        if outcome.by == "group":
            assert outcome.coverage >= 0.945 - 3 * outcome.coverage_error
            assert outcome.family_wise <= 0.05 + 3 * outcome.family_wise_error
        else:
            assert outcome.coverage < 0.85


def test_every_grouped_design_has_groups() -> None:
    assert {d.groups for d in grouped_designs()} == {"threes", "unequal", "ten", "threes, nothing shared"}
    assert all(set(d.units) == {"query", "group"} for d in grouped_designs())


def test_every_design_in_use_is_there() -> None:
    assert {(d.seeds, d.queries) for d in designs()} == {(3, 300), (3, 3000), (5, 300), (5, 3000)}
    assert {d.seed_variance for d in designs()} == {"none", "small", "large"}

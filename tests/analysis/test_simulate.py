"""The simulation: same interval as `stats`, zero true difference, coverage within Monte Carlo error."""

from __future__ import annotations

import numpy as np
import pytest

from analysis import simulate as sim
from analysis.stats import components, half_width


@pytest.mark.parametrize("shape", sim.SHAPES)
def test_vectorised_interval_equals_the_one_that_tables_use(shape: str) -> None:
    design = sim.Design(shape, seeds=3, queries=40, seed_variance="large")
    differences = sim._differences(design, 4, np.random.default_rng(0)).astype(np.float64)
    squares = sim.task_mean_squares(differences)
    query = np.maximum(squares[0] - squares[1], 0) / 3
    between = differences.mean(axis=-1).var(axis=-1, ddof=1)
    ours = sim._half_width(design, between, query, 0.95)
    for index in np.ndindex(ours.shape):
        assert ours[index] == pytest.approx(half_width(components([differences[index]]), 0.95))


@pytest.mark.parametrize("shape", sim.SHAPES)
def test_the_true_difference_is_zero(shape: str) -> None:
    design = sim.Design(shape, seeds=3, queries=300, seed_variance="small")
    drawn = sim._differences(design, 400, np.random.default_rng(1)).mean(axis=(-1, -2))
    assert abs(drawn.mean()) < 4 * drawn.std() / np.sqrt(drawn.size / 2)


def test_skewed_has_mass_at_zero_and_skewness() -> None:
    design = sim.Design("skewed", seeds=3, queries=3000, seed_variance="none")
    drawn = sim._differences(design, 2, np.random.default_rng(2))
    assert (drawn == 0).all(axis=-2).mean() == pytest.approx(sim.UNTOUCHED + 0.6 * 0.3**3, abs=0.03)
    by_query = drawn.mean(axis=-2)
    assert ((by_query - by_query.mean()) ** 3).mean() / by_query.std() ** 3 > 0.3


@pytest.mark.parametrize("design", [sim.Design("skewed", 3, 300, "small"), sim.Design("gaussian", 5, 300, "large")])
def test_coverage_is_at_least_what_is_claimed(design: sim.Design) -> None:
    for outcome in sim.simulate(design, repeats=600, rng=np.random.default_rng(7)):
        assert outcome.coverage >= 0.945 - 3 * outcome.coverage_error
        assert outcome.family_wise <= 0.05 + 3 * outcome.family_wise_error


def test_every_design_in_use_is_there() -> None:
    assert {(d.seeds, d.queries) for d in sim.designs()} == {(3, 300), (3, 3000), (5, 300), (5, 3000)}
    assert {d.seed_variance for d in sim.designs()} == {"none", "small", "large"}

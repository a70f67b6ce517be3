"""Coverage and family-wise error of the paired intervals at the designs in use, by simulation.

Two contrasts (two arms against one baseline) on each of two independent collections: the headline's four. A contrast's
differences over S seeds x Q queries are ``seed + query + noise``, the baseline's parts shared by both contrasts. They
are "gaussian" (all normal) or "skewed" (nDCG-like: a share of queries at exactly zero for every seed, further cells at
zero, skewed between queries). Every true difference is exactly 0, so an interval covers iff it holds 0 and every
rejection is an error.

Where queries lie in groups, a group's queries share their query effect (and whether they are untouched), and both
`stats.paired_difference` and `clusters.clustered_difference` are tried.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from analysis.clusters import cluster_values
from analysis.simulate_designs import SEED_SPREAD, By, Design, designs, grouped_designs
from analysis.stats import task_mean_squares

SEED = 20240731
QUERY_SPREAD, NOISE_SPREAD = 0.08, 0.08
"""Per arm: between queries, and within a query between seeds. Those of the demo's per-query differences, about."""
UNTOUCHED, TOUCHED = 0.4, 0.7
"""Skewed: share of queries at 0 for every seed; share of the other cells that are not 0."""
LEVELS = tuple(1 - 0.05 / k for k in (4, 3, 2, 1))
"""Two-sided levels at which Holm tests the smallest, ..., the largest of four p-values."""
CHUNK = 3_000_000

Array32 = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Outcome:
    """coverage and family_wise error with their Monte Carlo standard errors.

    by: what the interval takes to be independent. family: how many contrasts Holm ran over.
    """

    design: Design
    by: By
    collections: int
    repeats: int
    coverage: float
    coverage_error: float
    family: int
    family_wise: float
    family_wise_error: float


@dataclass(frozen=True)
class _Draws:
    """Sufficient statistics of R repeats of K contrasts on T collections.

    by_seed: (R, T, K, S) means over queries. query: (R, T, K) variance components between queries, or groups.
    """

    by_seed: npt.NDArray[np.float64]
    query: dict[By, npt.NDArray[np.float64]]


def simulate(design: Design, *, repeats: int, rng: np.random.Generator) -> list[Outcome]:
    """Outcomes for one collection a contrast (a family of four) and for the mean of two (a family of two).

    Both by query, then, where queries lie in groups, both by group.
    """
    draws = _concatenate(list(_draw(design, repeats, rng)))
    return [_outcome(design, draws, by, pooled=pooled) for by in design.units for pooled in (False, True)]


def _draw(design: Design, repeats: int, rng: np.random.Generator) -> Iterator[_Draws]:
    step = max(1, CHUNK // (4 * design.seeds * design.queries))
    for start in range(0, repeats, step):
        count = min(step, repeats - start)
        drawn = differences(design, count, rng)
        query: dict[By, npt.NDArray[np.float64]] = {"query": component(drawn)}
        if "group" in design.units:
            query["group"] = component(cluster_values(drawn, design.labels))
        yield _Draws(drawn.mean(axis=-1, dtype=np.float64), query)


def component(differences: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """(..., S, Q) to (...): the variance between queries, as `stats.components` has it."""
    between, residual = task_mean_squares(differences)
    found: npt.NDArray[np.float64] = np.maximum(between - residual, 0.0) / differences.shape[-2]
    return found


def _concatenate(parts: list[_Draws]) -> _Draws:
    query = {by: np.concatenate([p.query[by] for p in parts]) for by in parts[0].query}
    return _Draws(np.concatenate([p.by_seed for p in parts]), query)


def differences(design: Design, repeats: int, rng: np.random.Generator) -> Array32:
    """(R, 2 collections, 2 contrasts, S, Q) float32. A training run is evaluated on its own collection only."""
    shape = (repeats, 2)
    seeds, queries = design.seeds, design.queries
    spread = SEED_SPREAD[design.seed_variance]
    by_seed = _normal(rng, (*shape, 3, seeds, 1), spread)
    shared = design.shared
    effects = int(shared[-1]) + 1
    by_query = _query_effects(design.shape, rng, (*shape, 3, 1, effects))[..., shared]
    noise = _normal(rng, (*shape, 3, seeds, queries), NOISE_SPREAD)
    noise += by_seed
    noise += by_query
    found = noise[:, :, 1:] - noise[:, :, :1]
    if design.shape == "skewed":
        untouched = (rng.random((*shape, 1, 1, effects), dtype=np.float32) < UNTOUCHED)[..., shared]
        zero = rng.random((*shape, 1, seeds, queries), dtype=np.float32) >= TOUCHED
        found *= ~(untouched | zero)
    return found


def _normal(rng: np.random.Generator, shape: tuple[int, ...], spread: float) -> Array32:
    return rng.standard_normal(shape, dtype=np.float32) * np.float32(spread)


def _query_effects(shape: str, rng: np.random.Generator, size: tuple[int, ...]) -> Array32:
    """Mean 0, standard deviation QUERY_SPREAD; skewed: exponential for arms (skewness 2), normal for baseline."""
    effects = _normal(rng, size, QUERY_SPREAD)
    if shape == "skewed":
        skewed = rng.standard_exponential((*size[:2], 2, *size[3:]), dtype=np.float32) - np.float32(1.0)
        effects[:, :, 1:] = skewed * np.float32(QUERY_SPREAD)
    return effects


def _outcome(design: Design, draws: _Draws, by: By, *, pooled: bool) -> Outcome:
    """pooled: contrasts about the mean of the two collections, so two contrasts instead of four."""
    by_seed, query, tasks = draws.by_seed, draws.query[by], 1
    if pooled:
        by_seed, query, tasks = by_seed.mean(axis=1, keepdims=True), query.sum(axis=1, keepdims=True), 2
    repeats = len(by_seed)
    mean = np.abs(by_seed.mean(axis=-1)).reshape(repeats, -1)
    between = by_seed.var(axis=-1, ddof=1).reshape(repeats, -1)
    query = query.reshape(repeats, -1) / tasks**2
    seeds, units = design.seeds, design.units[by]
    outside = np.stack([mean > half_width(seeds, units, between, query, level) for level in LEVELS])
    family = mean.shape[1]
    covered = 1 - outside[-1].mean(axis=1)
    # No true difference exists, so Holm errs iff its first step rejects: some contrast at 0.05 / family.
    errs = outside[len(LEVELS) - family].any(axis=1)
    return Outcome(
        design,
        by,
        tasks,
        repeats,
        float(covered.mean()),
        float(covered.std(ddof=1) / np.sqrt(repeats)),
        family,
        float(errs.mean()),
        float(errs.std(ddof=1) / np.sqrt(repeats)),
    )


def half_width(
    seeds: int, units: int, between: npt.NDArray[np.float64], query: npt.NDArray[np.float64], level: float
) -> npt.NDArray[np.float64]:
    """`stats.half_width` of one task, over arrays of variances. units: queries, or groups of them."""
    tail = 0.5 + level / 2
    t_seed, t_query = special.stdtrit(seeds - 1, tail), special.stdtrit(units - 1, tail)
    width: npt.NDArray[np.float64] = np.sqrt(t_seed**2 * between / seeds + t_query**2 * query / units)
    return width


def all_outcomes(*, repeats: int) -> list[Outcome]:
    """Every design, each from its own stream, so that one row does not depend on the others; grouped ones last."""
    every = [*designs(), *grouped_designs()]
    streams = np.random.SeedSequence(SEED).spawn(len(every))
    return [
        outcome
        for design, stream in zip(every, streams, strict=True)
        for outcome in simulate(design, repeats=repeats, rng=np.random.Generator(np.random.SFC64(stream)))
    ]

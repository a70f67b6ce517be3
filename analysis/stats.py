"""Statistics of paired comparisons over seeds x queries x collections. Pure functions over NumPy and SciPy.

Queries are taken to be independent; `analysis.clusters` is for those that are not. What both cover was simulated:
results/simulation.

Sources: the interval is from the two-way random-effects layout without replication (Scheffe 1959, The Analysis of
Variance, ch. 7; Brennan 2001, Generalizability Theory, ch. 3); Holm 1979, Scand. J. Stat. 6; Schuirmann 1987, J.
Pharmacokin. Biopharm. 15 (two one-sided tests); Wilson 1927, JASA 22.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import optimize, special

from experiments.errors import UserError

Array = npt.NDArray[np.float64]
Over = Literal["seeds and queries", "queries only"]
SMALLEST_P = 1e-12


@dataclass(frozen=True)
class Components:
    """Variance components of a difference over S seeds and T tasks of Q_t queries.

    seed_means: variance (ddof 1) over seeds of the task-mean difference, which holds residual noise too; 0.0 with one
    seed. query: per task, the variance between queries: max(MS_query - MS_resid, 0) / S; with one seed the plain
    variance. residual: per task, MS_resid (seed x query interaction and noise); 0.0 with one seed.
    """

    seeds: int
    queries: tuple[int, ...]
    seed_means: float
    query: tuple[float, ...]
    residual: tuple[float, ...]

    @property
    def over(self) -> Over:
        """What an interval from these components covers."""
        return "seeds and queries" if self.seeds > 1 else "queries only"


@dataclass(frozen=True)
class Difference:
    """mean of arm minus baseline, its interval at `level`, two-sided p, and what they rest on."""

    mean: float
    low: float
    high: float
    p: float
    level: float
    components: Components

    @property
    def over(self) -> Over:
        """What the interval covers."""
        return self.components.over


def task_mean_squares(differences: npt.NDArray[np.floating]) -> tuple[Array, Array]:
    """MS_query and MS_resid of two-way layouts without replication.

    differences: (..., S, Q) with S, Q >= 2. Returns two arrays of shape (...).
    """
    seeds, queries = differences.shape[-2:]
    grand = differences.mean(axis=(-2, -1))
    by_query = differences.mean(axis=-2)
    by_seed = differences.mean(axis=-1)
    between_queries = seeds * ((by_query - grand[..., None]) ** 2).sum(axis=-1)
    between_seeds = queries * ((by_seed - grand[..., None]) ** 2).sum(axis=-1)
    total = ((differences - grand[..., None, None]) ** 2).sum(axis=(-2, -1))
    residual = np.maximum(total - between_queries - between_seeds, 0.0)
    return between_queries / (queries - 1), residual / ((seeds - 1) * (queries - 1))


def components(differences: Sequence[Array]) -> Components:
    """Components of T arrays of shape (S, Q_t), one per task, that share their seeds.

    Raises UserError below two queries.
    """
    seeds = differences[0].shape[0]
    queries = tuple(d.shape[1] for d in differences)
    if min(queries) < 2:
        raise UserError(f"an interval over {min(queries)} query: evaluate at least 2 queries per task")
    if seeds == 1:
        return Components(1, queries, 0.0, tuple(float(d[0].var(ddof=1)) for d in differences), (0.0,) * len(queries))
    task_means = np.mean([d.mean(axis=1) for d in differences], axis=0)
    squares = [task_mean_squares(d) for d in differences]
    return Components(
        seeds=seeds,
        queries=queries,
        seed_means=float(task_means.var(ddof=1)),
        query=tuple(max(float(q - r), 0.0) / seeds for q, r in squares),
        residual=tuple(float(r) for _, r in squares),
    )


def half_width(parts: Components, level: float) -> float:
    """sqrt(t^2(S-1) s2_seed / S + sum_t t^2(Q_t-1) query_t / (Q_t T^2)), t at two-sided `level`."""
    tasks = len(parts.queries)
    tail = 0.5 + level / 2
    square = sum(
        special.stdtrit(q - 1, tail) ** 2 * variance / (q * tasks**2)
        for q, variance in zip(parts.queries, parts.query, strict=True)
    )
    if parts.seeds > 1:
        square += special.stdtrit(parts.seeds - 1, tail) ** 2 * parts.seed_means / parts.seeds
    return float(np.sqrt(square))


def p_value(mean: float, parts: Components) -> float:
    """Two-sided p of "the difference is 0": 1 - level of the interval whose edge touches 0."""
    if abs(mean) <= half_width(parts, SMALLEST_P):
        return 1.0
    if half_width(parts, 1 - SMALLEST_P) < abs(mean):
        return SMALLEST_P
    log_p = optimize.brentq(
        lambda x: half_width(parts, 1 - float(np.exp(x))) - abs(mean), np.log(SMALLEST_P), -SMALLEST_P
    )
    return float(np.exp(log_p))


def paired_difference(
    arm: Sequence[Array], baseline: Sequence[Array], *, level: float = 0.95, over: Over | Literal["auto"] = "auto"
) -> Difference:
    """Mean of arm - baseline, tasks weighing the same whatever their size.

    arm, baseline: T arrays (S, Q_t), same seeds and queries in the same order. over: "auto" covers seeds and queries,
    or with one seed queries only (the result says which). Raises UserError for unequal shapes and for a seed interval
    from one seed.
    """
    shapes = [(a.shape, b.shape) for a, b in zip(arm, baseline, strict=True)]
    if any(a != b for a, b in shapes) or len({a[0] for a, _ in shapes}) != 1:
        raise UserError(f"paired arms have shapes {shapes} (seeds, queries): compare the same seeds and queries")
    if over == "seeds and queries" and arm[0].shape[0] == 1:
        raise UserError("an interval over seeds from one seed: run at least 2 seeds, or ask for queries only")
    differences = [np.asarray(a - b, dtype=np.float64) for a, b in zip(arm, baseline, strict=True)]
    if over == "queries only":
        differences = [d.mean(axis=0, keepdims=True) for d in differences]
    mean = float(np.mean([d.mean() for d in differences]))
    parts = components(differences)
    width = half_width(parts, level)
    return Difference(mean, mean - width, mean + width, p_value(mean, parts), level, parts)


def equivalence_p(difference: Difference, margin: float) -> float:
    """P of two one-sided tests of "the difference lies outside (-margin, margin)": the larger of the two."""
    gap = margin - abs(difference.mean)
    two_sided = p_value(gap, difference.components)
    return two_sided / 2 if gap > 0 else 1 - two_sided / 2


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's adjusted p-values, in the order given. A comparison that is not there yet enters as 1.0."""
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(stepped, 1.0)
    return [float(value) for value in adjusted]


def wilson(successes: int, trials: int, *, level: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval of a proportion. Raises ValueError without trials."""
    if trials < 1:
        raise ValueError("a proportion of no trials has no interval")
    # Newcombe 1998 (Statistics in Medicine 17), in the order of operations of scipy.stats.binomtest.
    share, z = successes / trials, float(special.ndtri(0.5 + 0.5 * level))
    scale = 2 * (trials + z**2)
    centre = (2 * trials * share + z**2) / scale
    reach = z / scale * math.sqrt(4 * trials * share * (1 - share) + z**2)
    return 0.0 if successes == 0 else centre - reach, 1.0 if successes == trials else centre + reach

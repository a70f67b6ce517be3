"""How many seeds and queries would separate two arms by a given difference, from the components of finished runs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from analysis.compare import ContrastResult, primary_contrasts
from analysis.formats import DASH, Table, markdown
from analysis.load import Study
from analysis.missing import fill_command
from analysis.stats import Components
from experiments.errors import UserError

SEED_GRID = (2, 3, 4, 5, 6, 8, 10, 15, 20)
QUERY_GRID = (100, 300, 1000, 3000, 10000)
QUANTILES = 400


@dataclass(frozen=True)
class Spread:
    """Variances of one paired difference: between seeds, between queries, and of a single (seed, query) beside both.

    query and residual are means over the tasks, tasks their number.
    """

    seed: float
    query: float
    residual: float
    tasks: int


def spread(parts: Components) -> Spread:
    """Take the residual's share out of the variance between seed means. Raises UserError for one seed."""
    if parts.seeds < 2:
        raise UserError("the spread between seeds cannot be had from one seed: run the study with at least 2 seeds")
    tasks = len(parts.queries)
    noise = sum(r / q for r, q in zip(parts.residual, parts.queries, strict=True)) / tasks**2
    seed = max(parts.seed_means - noise, 0.0)
    return Spread(seed, float(np.mean(parts.query)), float(np.mean(parts.residual)), tasks)


def power(found: Spread, *, difference: float, seeds: int, queries: int, alpha: float = 0.05) -> float:
    """Probability that `stats.paired_difference` excludes 0 at two-sided `alpha`, queries counted per task.

    The mean is normal; the variance between seed means follows chi-square on S - 1 degrees of freedom, over whose
    quantiles the probability is averaged; the query component is taken as known.
    """
    seed_means = found.seed + found.residual / (queries * found.tasks)
    by_query = found.query / (queries * found.tasks)
    error = np.sqrt(seed_means / seeds + by_query)
    if error == 0.0:
        return 1.0 if difference != 0.0 else 0.0
    grid = (np.arange(QUANTILES) + 0.5) / QUANTILES
    estimate = seed_means * stats.chi2.ppf(grid, seeds - 1) / (seeds - 1)
    t_seed, t_query = stats.t.ppf(1 - alpha / 2, seeds - 1), stats.t.ppf(1 - alpha / 2, queries - 1)
    width = np.sqrt(t_seed**2 * estimate / seeds + t_query**2 * by_query)
    found_power = stats.norm.cdf((difference - width) / error) + stats.norm.cdf((-difference - width) / error)
    return float(found_power.mean())


def seeds_needed(found: Spread, *, difference: float, queries: int, power_wanted: float, alpha: float) -> int | None:
    """The fewest seeds of SEED_GRID that reach the power; None where none does."""
    for seeds in SEED_GRID:
        if power(found, difference=difference, seeds=seeds, queries=queries, alpha=alpha) >= power_wanted:
            return seeds
    return None


def plan_text(study: Study, *, difference: float, power: float = 0.8) -> str:
    """Markdown: per primary contrast and block the fewest seeds for each number of queries.

    Raises UserError for a difference or power out of range, without contrasts, and where no contrast has finished.
    """
    if not 0.0 < difference < 1.0:
        raise UserError(
            f"--difference {difference:g} is not between 0 and 1: give a difference in nDCG@10, such as 0.01"
        )
    if not 0.0 < power < 1.0:
        raise UserError(f"--power {power:g} is not between 0 and 1: give a probability, such as 0.8")
    results = primary_contrasts(study)
    if not results:
        raise UserError(f"study {study.name} declares no primary contrast: add one under study.contrasts")
    finished = [result for result in results if result.difference is not None]
    if not finished:
        raise UserError(f"study {study.name}: no primary contrast has finished: {fill_command(study)}")
    alphas = (0.05, 0.05 / len(results))
    rows = [_row(result, difference, power, alpha) for result in finished for alpha in dict.fromkeys(alphas)]
    header = (
        "contrast",
        "block",
        "alpha",
        "s.d. seeds",
        "s.d. queries",
        "s.d. rest",
        *(f"{q} queries" for q in QUERY_GRID),
    )
    return (
        f"Fewest seeds that separate two arms by {difference:g} nDCG@10 with {100 * power:.0f}% power ({DASH}: "
        "more than "
        f"{SEED_GRID[-1]}), by test queries per task. Second line of a contrast: Holm's first step over "
        f"{len(results)}.\n\n"
        f"{markdown(Table(header, tuple(rows), left=2))}\n"
        f"Components are estimates from {_seeds(finished)} seeds: with so few the true spread between seeds may "
        "be half or twice "
        f"as large.\n"
    )


def _seeds(finished: list[ContrastResult]) -> str:
    counts = sorted({r.difference.components.seeds for r in finished if r.difference is not None})
    return " to ".join(str(count) for count in dict.fromkeys([counts[0], counts[-1]]))


def _row(result: ContrastResult, difference: float, wanted: float, alpha: float) -> tuple[str, ...]:
    assert result.difference is not None
    found = spread(result.difference.components)
    needed = [
        seeds_needed(found, difference=difference, queries=queries, power_wanted=wanted, alpha=alpha)
        for queries in QUERY_GRID
    ]
    return (
        f"{result.contrast.arm} − {result.contrast.baseline}",
        result.block,
        f"{alpha:.4f}",
        *(f"{np.sqrt(value):.4f}" for value in (found.seed, found.query, found.residual)),
        *(DASH if seeds is None else str(seeds) for seeds in needed),
    )

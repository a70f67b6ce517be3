"""The page and table of the simulation."""

from __future__ import annotations

from analysis.simulate import NOISE_SPREAD, QUERY_SPREAD, SEED, SEED_SPREAD, TOUCHED, UNTOUCHED, Outcome, all_outcomes
from analysis.tables.formats import Table, comma_separated, markdown


def simulation_files(*, repeats: int) -> dict[str, bytes]:
    """README.md and coverage.csv."""
    outcomes = all_outcomes(repeats=repeats)
    header = (
        "differences", "seeds", "queries", "collections", "seed variance", "coverage of 95%", "coverage s.e.",
        "contrasts in Holm's family", "family-wise error", "error s.e.",
    )  # fmt: skip
    table = Table(header, tuple(_cells(outcome) for outcome in outcomes), left=1)
    names = tuple(name.replace(" ", "_").replace("'", "").replace("%", "") for name in header)
    return {
        "README.md": _page(outcomes, markdown(table)).encode(),
        "coverage.csv": comma_separated(names, table.rows).encode(),
    }


def _cells(outcome: Outcome) -> tuple[str, ...]:
    design = outcome.design
    return (
        design.shape,
        str(design.seeds),
        str(design.queries),
        str(outcome.collections),
        design.seed_variance,
        f"{100 * outcome.coverage:.2f}%",
        f"{100 * outcome.coverage_error:.2f}",
        str(outcome.family),
        f"{100 * outcome.family_wise:.2f}%",
        f"{100 * outcome.family_wise_error:.2f}",
    )


def _page(outcomes: list[Outcome], table: str) -> str:
    return f"""# Do the intervals cover what they say?

Simulated repeats of two contrasts with a common baseline on each of two collections, every true difference exactly 0.
Nominal coverage 95%, required at least 94.5%; family-wise error of Holm at 5%, required at most 5% beside simulation
error.

{_findings(outcomes)}

{table}
{_assumptions(outcomes[0].repeats)}

Made by `python -m analysis simulate` (seed {SEED}).
"""


def _findings(outcomes: list[Outcome]) -> str:
    coverage = [100 * outcome.coverage for outcome in outcomes]
    error = [100 * outcome.family_wise for outcome in outcomes]
    low = sum(o.coverage + 2 * o.coverage_error < 0.945 for o in outcomes)
    high = sum(o.family_wise - 2 * o.family_wise_error > 0.05 for o in outcomes)
    return (
        f"Over all {len(outcomes)} rows coverage is {min(coverage):.2f}% to {max(coverage):.2f}%, family-wise error "
        f"{min(error):.2f}% to {max(error):.2f}%.\nRows whose coverage lies below 94.5% by more than two simulation "
        f"errors: {low}; rows whose family-wise error lies above 5% by more than two: {high}."
    )


def _assumptions(repeats: int) -> str:
    spreads = ", ".join(f"{name} {value:g}" for name, value in SEED_SPREAD.items())
    return (
        f"Coverage is pooled over a row's contrasts; {repeats} repeats a row. Standard deviation between seeds of one\n"
        f"arm's mean: {spreads}; between queries {QUERY_SPREAD:g}, within a query between seeds {NOISE_SPREAD:g}, per "
        f"arm.\ngaussian: all normal. skewed: {100 * UNTOUCHED:.0f}% of queries at exactly 0 for every seed, "
        f"{100 * (1 - TOUCHED):.0f}% of the other cells at 0 too,\nexponential (skewness 2) between queries. One "
        "collection: four contrasts; two: the mean of both, two contrasts.\nWhere there is no variance between seeds "
        "the interval is wider than it need be: the price of not knowing it."
    )

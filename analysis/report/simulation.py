"""The page and tables of the simulation."""

from __future__ import annotations

from collections.abc import Sequence

from analysis.formats import Table, comma_separated, markdown
from analysis.simulate import NOISE_SPREAD, QUERY_SPREAD, SEED, TOUCHED, UNTOUCHED, Outcome, all_outcomes
from analysis.simulate_designs import SEED_SPREAD

HEADER = (
    "differences", "seeds", "queries", "collections", "seed variance", "coverage of 95%", "coverage s.e.",
    "contrasts in Holm's family", "family-wise error", "error s.e.",
)  # fmt: skip
GROUPED_HEADER = (
    "differences", "groups", "seeds", "queries", "number of groups", "collections", "seed variance",
    "coverage of 95% by query", "by query s.e.", "coverage of 95% by group", "by group s.e.",
    "contrasts in Holm's family", "family-wise error by query", "error by query s.e.", "family-wise error by group",
    "error by group s.e.",
)  # fmt: skip


def simulation_files(*, repeats: int) -> dict[str, bytes]:
    """README.md, coverage.csv (independent queries) and grouped.csv (queries in groups)."""
    outcomes = all_outcomes(repeats=repeats)
    alone = [outcome for outcome in outcomes if outcome.design.groups == "alone"]
    grouped = [outcome for outcome in outcomes if outcome.design.groups != "alone"]
    table = Table(HEADER, tuple(_cells(outcome) for outcome in alone), left=1)
    by_group = Table(GROUPED_HEADER, tuple(_grouped_cells(*pair) for pair in _pairs(grouped)), left=2)
    return {
        "README.md": _page(alone, grouped, markdown(table), markdown(by_group)).encode(),
        "coverage.csv": _comma_separated(table),
        "grouped.csv": _comma_separated(by_group),
    }


def _comma_separated(table: Table) -> bytes:
    names = tuple(name.replace(" ", "_").replace("'", "").replace("%", "") for name in table.header)
    return comma_separated(names, table.rows).encode()


def _cells(outcome: Outcome) -> tuple[str, ...]:
    design = outcome.design
    return (
        design.shape,
        str(design.seeds),
        str(design.queries),
        str(outcome.collections),
        design.seed_variance,
        *_share(outcome.coverage, outcome.coverage_error),
        str(outcome.family),
        *_share(outcome.family_wise, outcome.family_wise_error),
    )


def _grouped_cells(by_query: Outcome, by_group: Outcome) -> tuple[str, ...]:
    design = by_query.design
    return (
        design.shape,
        design.groups,
        str(design.seeds),
        str(design.queries),
        str(design.units["group"]),
        str(by_query.collections),
        design.seed_variance,
        *_share(by_query.coverage, by_query.coverage_error),
        *_share(by_group.coverage, by_group.coverage_error),
        str(by_query.family),
        *_share(by_query.family_wise, by_query.family_wise_error),
        *_share(by_group.family_wise, by_group.family_wise_error),
    )


def _share(value: float, error: float) -> tuple[str, str]:
    return f"{100 * value:.2f}%", f"{100 * error:.2f}"


def _pairs(grouped: Sequence[Outcome]) -> list[tuple[Outcome, Outcome]]:
    """The outcomes of one design and number of collections: by query, by group."""
    found = {(outcome.design, outcome.collections, outcome.by): outcome for outcome in grouped}
    return [
        (outcome, found[outcome.design, outcome.collections, "group"]) for outcome in grouped if outcome.by == "query"
    ]


def _page(alone: list[Outcome], grouped: list[Outcome], table: str, by_group: str) -> str:
    return f"""# Do the intervals cover what they say?

Simulated repeats of two contrasts with a common baseline on each of two collections, every true difference exactly 0.
Nominal coverage 95%, required at least 94.5%; family-wise error of Holm at 5%, required at most 5% beside simulation
error.

{_findings(alone)}

{table}
{_assumptions(alone[0].repeats)}

## Queries in groups

Queries of one group (one article, one source file) share their query effect, and whether they are untouched. By query:
the interval above, which takes queries to be independent. By group: the cluster-robust one (`analysis/clusters.py`).

{_grouped_findings(grouped)}

{by_group}
{_GROUPS}

Made by `python -m analysis simulate` (seed {SEED}).
"""


def _findings(outcomes: Sequence[Outcome]) -> str:
    coverage = [100 * outcome.coverage for outcome in outcomes]
    error = [100 * outcome.family_wise for outcome in outcomes]
    low = sum(o.coverage + 2 * o.coverage_error < 0.945 for o in outcomes)
    high = sum(o.family_wise - 2 * o.family_wise_error > 0.05 for o in outcomes)
    return (
        f"Over all {len(outcomes)} rows coverage is {min(coverage):.2f}% to {max(coverage):.2f}%, family-wise error "
        f"{min(error):.2f}% to {max(error):.2f}%.\nRows whose coverage lies below 94.5% by more than two simulation "
        f"errors: {low}; rows whose family-wise error lies above 5% by more than two: {high}."
    )


def _grouped_findings(outcomes: Sequence[Outcome]) -> str:
    groups = dict.fromkeys(outcome.design.groups for outcome in outcomes)
    return "\n\n".join(
        f"**{name}, by {by}.** {_findings([o for o in outcomes if (o.design.groups, o.by) == (name, by)])}"
        for name in groups
        for by in ("query", "group")
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


_GROUPS = (
    "threes: groups of three. unequal: sizes 1, 1, 1, 3, 9, repeated. ten: ten groups, sizes in proportion to 1, 2, "
    "..., 10.\nthrees, nothing shared: groups of three whose queries have nothing in common: what grouping costs there."
)

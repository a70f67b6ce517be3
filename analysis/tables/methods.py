"""The methods table of one block."""

from __future__ import annotations

from collections.abc import Sequence

from analysis.arms import ArmRow, arm_rows
from analysis.compare import block_tasks, difference_tasks
from analysis.formats import (
    DASH,
    Table,
    fixed,
    interval,
    latex,
    markdown,
    p_text,
    percent,
)
from analysis.load import Study
from analysis.stats import Difference

BUDGET = ("known false negatives", "yield", "rows trained on", "steps", "passes", "view")
"""Columns of the page's second table: what an arm was trained on."""


def methods_table(study: Study, block: str) -> Table:
    """Arm by arm: scores, difference to the baseline, and what it was trained on."""
    rows = arm_rows(study, block)
    tasks = block_tasks(study, block)
    with_mean = len(difference_tasks(study, block)) > 1
    header = (
        "arm",
        *(f"{task} nDCG@10" for task in tasks),
        *(["mean"] if with_mean else []),
        "seeds",
        f"difference to {study.plan.declaration.baseline_name} [95%]",
        "interval over",
        "p",
        "verdict",
        "known false negatives",
        "yield",
        "rows trained on",
        "steps",
        "passes",
        "view",
        "marks",
    )
    return Table(header, tuple(_cells(row, study, with_mean=with_mean) for row in rows))


def _cells(row: ArmRow, study: Study, *, with_mean: bool) -> tuple[str, ...]:
    is_baseline = row.arm == study.plan.declaration.baseline_name
    return (
        row.arm,
        *(fixed(score, 4) for score in row.by_task.values()),
        *([fixed(row.mean, 4)] if with_mean else []),
        _seeds(row),
        "baseline" if is_baseline else difference_text(row.difference),
        DASH if row.difference is None else over_text(row.difference),
        _p(row),
        row.verdict or DASH,
        _known(row),
        percent(row.yield_),
        fixed(row.rows, 0),
        fixed(row.steps, 0),
        fixed(row.passes, 1),
        row.view or DASH,
        marks(row),
    )


def _seeds(row: ArmRow) -> str:
    return str(row.seeds) if row.seeds == row.planned else f"{row.seeds} of {row.planned}"


def difference_text(difference: Difference | None) -> str:
    """Mean and interval, or a dash."""
    return DASH if difference is None else interval(difference.mean, difference.low, difference.high)


def over_text(difference: Difference) -> str:
    """What the interval covers, with the number of seeds."""
    seeds = difference.components.seeds
    return difference.over if seeds == 1 else f"{seeds} seeds and queries"


def _p(row: ArmRow) -> str:
    if row.p_holm is not None:
        return f"{p_text(row.p_holm)} (Holm)"
    return DASH if row.difference is None else p_text(row.difference.p)


def _known(row: ArmRow) -> str:
    if row.known_false is None:
        return DASH
    low, high = row.known_false.interval
    return f"{percent(row.known_false.rate)} [{100 * low:.1f}, {100 * high:.1f}]"


def marks(row: ArmRow) -> str:
    """What a reader must not overlook: below the untrained base, collapsed."""
    found = ["below its untrained base"] if row.below_base else []
    if row.collapsed:
        found.append(f"collapsed in {row.collapsed} of {row.seeds} seeds")
    return ", ".join(found)


def methods_markdown(study: Study, block: str) -> str:
    """Two tables, what an arm scored and what it was trained on, and what their figures are."""
    table = methods_table(study, block)
    tables = [markdown(found) for found in (effect_table(table), budget_table(table)) if found.rows]
    return "\n".join([*tables, f"{methods_note(study, block)}\n"])


def effect_table(table: Table) -> Table:
    """Scores and differences; marks only where an arm has one."""
    marked = any(row[-1] for row in table.rows)
    names = [name for name in table.header if name not in BUDGET]
    return _columns(table, names if marked else [name for name in names if name != "marks"])


def budget_table(table: Table) -> Table:
    """What was mined and trained on, of the arms for which anything was."""
    found = _columns(table, ["arm", *BUDGET])
    return Table(found.header, tuple(row for row in found.rows if set(row[1:]) != {DASH}))


def _columns(table: Table, names: Sequence[str]) -> Table:
    keep = [table.header.index(name) for name in names]
    return Table(tuple(names), tuple(tuple(row[i] for i in keep) for row in table.rows))


def methods_note(study: Study, block: str) -> str:
    """One paragraph under the table."""
    tasks = ", ".join(difference_tasks(study, block)) or "no task yet"
    margin = study.plan.declaration.margin
    tests = "two one-sided tests at 5%, not adjusted for the family, against"
    equivalence = "" if margin is None else f"\nEquivalence: {tests} ±{margin:g}."
    rows = arm_rows(study, block)
    single = any(row.difference is not None and row.difference.over == "queries only" for row in rows)
    warning = " One seed: those intervals cover queries only and say nothing about a second run." if single else ""
    return (
        f"Scores are means over seeds; a dash is a missing or meaningless cell. Differences: paired, on {tasks}.\n"
        f"p: Holm over the declared family where marked, else unadjusted.{equivalence}\n"
        "Known false negatives: mined negatives that are judged relevant but were hidden from training, with Wilson's "
        f"interval,\npooled over seeds as if they were independent; a lower bound.{warning}"
    )


def methods_latex(study: Study, block: str) -> str:
    """A narrower table for print: scores, difference, known false negatives, yield."""
    table = methods_table(study, block)
    dropped = {"interval over", "view", "marks", "verdict", "rows trained on", "steps", "passes"}
    narrow = _columns(table, [name for name in table.header if name not in dropped])
    return latex(narrow, caption=_caption(study, block), label=f"{study.name}-{block}")


def _caption(study: Study, block: str) -> str:
    note = methods_note(study, block).replace("\n", " ")
    return f"Study {study.name}, block {block}. {note}"

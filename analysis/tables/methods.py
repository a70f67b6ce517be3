"""The methods table of one block, and the table of primary contrasts."""

from __future__ import annotations

from analysis.arms import ArmRow, arm_rows
from analysis.compare import ContrastResult, block_tasks, difference_tasks, primary_contrasts, verdict
from analysis.load import Study
from analysis.stats import Difference, equivalence_p
from analysis.tables.formats import (
    DASH,
    Table,
    comma_separated,
    fixed,
    interval,
    latex,
    markdown,
    p_text,
    percent,
)


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
        DASH if row.difference is None else _over(row.difference),
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


def _over(difference: Difference) -> str:
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
    """The table, with a line that says what its figures are."""
    return f"{markdown(methods_table(study, block))}\n{methods_note(study, block)}\n"


def methods_note(study: Study, block: str) -> str:
    """One paragraph under the table."""
    tasks = ", ".join(difference_tasks(study, block)) or "no task yet"
    margin = study.plan.declaration.margin
    equivalence = "" if margin is None else f" Equivalence: two one-sided tests at 5% against ±{margin:g}."
    rows = arm_rows(study, block)
    single = any(row.difference is not None and row.difference.over == "queries only" for row in rows)
    warning = " One seed: those intervals cover queries only and say nothing about a second run." if single else ""
    return (
        f"Scores are means over seeds; a dash is a missing or meaningless cell. Differences: paired, on {tasks}. "
        "p: Holm over the "
        f"declared family where marked, else unadjusted.{equivalence} Known false negatives: mined negatives that "
        "are judged "
        f"relevant but were hidden from training, with Wilson's interval; a lower bound.{warning}"
    )


def methods_latex(study: Study, block: str) -> str:
    """A narrower table for print: scores, difference, known false negatives, yield."""
    table = methods_table(study, block)
    dropped = {"interval over", "view", "marks", "verdict", "rows trained on", "steps", "passes"}
    keep = [index for index, name in enumerate(table.header) if name not in dropped]
    narrow = Table(tuple(table.header[i] for i in keep), tuple(tuple(row[i] for i in keep) for row in table.rows))
    return latex(narrow, caption=_caption(study, block), label=f"{study.name}-{block}")


def _caption(study: Study, block: str) -> str:
    note = methods_note(study, block)
    return f"Study {study.name}, block {block}. {note}"


CSV_HEADER = (
    *[
        "study",
        "block",
        "arm",
        "task",
        "ndcg_at_10",
        "mean",
        "seeds",
        "seeds_planned",
        "baseline",
        "difference",
        "low",
        "high",
        "interval_over",
        "interval_seeds",
        "p",
        "p_holm",
        "p_equivalence",
        "verdict",
        "known_false",
        "mined",
        "yield",
        "view",
        "rows",
        "steps",
        "passes",
        "below_untrained_base",
        "collapsed_seeds",
    ],
)


def methods_csv(study: Study, block: str) -> str:
    """Long form, one line per arm and task; an empty field is a missing value."""
    rows = arm_rows(study, block)
    lines = [_csv_line(study, row, task) for row in rows for task in row.by_task or {"": None}]
    return comma_separated(CSV_HEADER, lines)


def _csv_line(study: Study, row: ArmRow, task: str) -> list[str]:
    d, known, margin = row.difference, row.known_false, study.plan.declaration.margin
    return [
        study.name,
        row.block,
        row.arm,
        task,
        _number(row.by_task.get(task)),
        _number(row.mean),
        str(row.seeds),
        str(row.planned),
        study.plan.declaration.baseline_name,
        *([""] * 6 if d is None else _difference_fields(d)),
        _number(row.p_holm),
        "" if d is None or margin is None else _number(equivalence_p(d, margin)),
        row.verdict or "",
        "" if known is None else str(known.known),
        "" if known is None else str(known.mined),
        *(_number(value) for value in (row.yield_,)),
        row.view or "",
        *(_number(value) for value in (row.rows, row.steps, row.passes)),
        str(row.below_base).lower(),
        str(row.collapsed),
    ]


def _difference_fields(d: Difference) -> list[str]:
    return [_number(d.mean), _number(d.low), _number(d.high), d.over, str(d.components.seeds), _number(d.p)]


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.6f}"


def contrasts_table(study: Study) -> Table:
    """The primary contrasts with Holm's p over the whole family."""
    header = (
        "contrast",
        "block",
        "on",
        "difference [95%]",
        "interval over",
        "p",
        "p (Holm)",
        "p (equivalence)",
        "verdict",
    )
    return Table(header, tuple(_contrast_cells(study, result) for result in primary_contrasts(study)), left=3)


def _contrast_cells(study: Study, result: ContrastResult) -> tuple[str, ...]:
    names = (
        f"{result.contrast.name}: {result.contrast.arm} − {result.contrast.baseline}",
        result.block,
        ", ".join(result.tasks) or DASH,
    )
    d, margin = result.difference, study.plan.declaration.margin
    if d is None:
        return (*names, *([DASH] * 6))
    equivalence = DASH if margin is None else p_text(equivalence_p(d, margin))
    shown = verdict(d, margin, p=result.p_holm)
    return (*names, difference_text(d), _over(d), p_text(d.p), p_text(result.p_holm), equivalence, shown)

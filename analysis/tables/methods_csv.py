"""The methods table of one block in long form, for machines."""

from __future__ import annotations

from analysis.arms import ArmRow, arm_rows
from analysis.formats import comma_separated
from analysis.load import Study
from analysis.stats import Difference, equivalence_p

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
        "above_own_positive",
        "mean_gap",
        "mean_rank",
        "yield",
        "view",
        "rows",
        "steps",
        "passes",
        "mean_cosine",
        "baseline_at_the_same_seeds",
        "below_untrained_base",
        "collapsed_seeds",
        "outdated_seeds",
    ],
)


def methods_csv(study: Study, block: str) -> str:
    """Long form, one line per arm and task; an empty field is a missing value."""
    rows = arm_rows(study, block)
    lines = [_csv_line(study, row, task) for row in rows for task in row.by_task or {"": None}]
    return comma_separated(CSV_HEADER, lines)


def _csv_line(study: Study, row: ArmRow, task: str) -> list[str]:
    hard = row.hardness
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
        *(_number(value) for value in (hard.above, hard.gap, hard.rank, row.yield_)),
        row.view or "",
        *(_number(value) for value in (row.rows, row.steps, row.passes, row.cosine, row.baseline_there)),
        str(row.below_base).lower(),
        str(row.collapsed),
        str(row.outdated),
    ]


def _difference_fields(d: Difference) -> list[str]:
    return [_number(d.mean), _number(d.low), _number(d.high), d.over, str(d.components.seeds), _number(d.p)]


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.6f}"

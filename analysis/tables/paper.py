"""The paper's figures beside ours: score, difference to the baseline there and here, and whether they agree in sign."""

from __future__ import annotations

from collections.abc import Sequence

from analysis.arms import ArmRow, arm_rows
from analysis.compare import difference_tasks
from analysis.formats import DASH, Table, fixed, markdown, signed
from analysis.load import Study
from analysis.paper.read import paper_file
from analysis.paper.schema import Scores
from analysis.paper.show import row_name, shown
from analysis.stats import Difference
from analysis.tables.cells import difference_text, marks, over_text, seeds_text
from experiments.errors import UserError
from experiments.studies.declaration import PaperTable

NOTE = (
    "The paper's column is its printed average; ours is the mean over the tasks that the differences are about. Same\n"
    "direction: yes or no where the interval here excludes 0, else not separable."
)


def paper_markdown(study: Study, blocks: Sequence[str]) -> str:
    """The paper's table and, for a table of scores, ours beside it by block; "" where the study names none."""
    declared = study.plan.declaration.paper
    if declared is None:
        return ""
    item = paper_file(declared.table, asked_by=f"study {study.name}: paper")
    if not isinstance(item, Scores):
        return f"{item.title}, as the paper has it ({item.source.place}).\n\n{shown(item)}"
    unknown = sorted(set(declared.rows.values()) - set(item.rows))
    if unknown:
        known = ", ".join(item.rows)
        raise UserError(
            f"study {study.name}: paper.rows: {declared.table} has no row {unknown[0]!r}: use one of {known}"
        )
    beside = {block: rows for block in blocks if (rows := _rows(study, block, item))}
    found = [
        f"### {block}, beside {item.source.place}\n\n{_block(study, rows, item)}" for block, rows in beside.items()
    ]
    lines = "".join(
        f"- {line}\n" for line in (*_stand_ins(study, declared, item), f"Source: {item.source.line}", *_gaps(item))
    )
    return "\n".join([*found, f"{NOTE}\n\n{lines}"])


def paper_row(study: Study, arm: str) -> str:
    """The name of the paper's row that an arm stands for: as declared, else its own."""
    declared = study.plan.declaration.paper
    return arm if declared is None else declared.rows.get(arm, arm)


def direction(there: float | None, here: Difference | None) -> str:
    """Yes or no where the paper has a difference and ours is clear of 0; not separable where it is not."""
    if not there or here is None:
        return DASH
    if here.low <= 0.0 <= here.high:
        return "not separable"
    return "yes" if (there > 0.0) == (here.mean > 0.0) else "no"


def _rows(study: Study, block: str, item: Scores) -> list[ArmRow]:
    """The arms of a block that stand for rows of the paper's table."""
    return [row for row in arm_rows(study, block) if paper_row(study, row.arm) in item.rows]


def _block(study: Study, rows: Sequence[ArmRow], item: Scores) -> str:
    baseline = study.plan.declaration.baseline_name
    header = (
        "arm",
        "the paper's row",
        "paper",
        "ours",
        "seeds",
        f"difference to {baseline}: paper",
        "ours [95%]",
        "interval over",
        "same direction",
        "marks",
    )
    cells = tuple(_cells(study, item, row) for row in rows)
    width = len(header) if any(row[-1] for row in cells) else len(header) - 1
    return markdown(Table(header[:width], tuple(row[:width] for row in cells), left=2))


def _cells(study: Study, item: Scores, row: ArmRow) -> tuple[str, ...]:
    baseline, name = study.plan.declaration.baseline_name, paper_row(study, row.arm)
    there = None if row.arm == baseline else item.difference(name, paper_row(study, baseline))
    return (
        row.arm,
        row_name(item.rows[name]),
        fixed(item.average(name), 4),
        fixed(row.mean, 4),
        seeds_text(row),
        "baseline" if row.arm == baseline else DASH if there is None else signed(there),
        "baseline" if row.arm == baseline else difference_text(row.difference),
        over_text(row.difference),
        direction(there, row.difference),
        marks(row),
    )


def _stand_ins(study: Study, declared: PaperTable, item: Scores) -> list[str]:
    """What stands for what: arms called otherwise, models and data here and there, arms and rows without a partner."""
    arms = list(dict.fromkeys(arm for block in study.plan.blocks for arm in study.plan.arms(block)))
    rows = {arm: paper_row(study, arm) for arm in arms}
    lines = {
        "Arms": "; ".join(f"{arm} stands for {item.rows[row].label}" for arm, row in declared.rows.items()),
        "There": item.setting,
        "Here": _here(study),
        "Arms that the table does not have": ", ".join(arm for arm, row in rows.items() if row not in item.rows),
        "Rows without an arm": ", ".join(row_name(row) for name, row in item.rows.items() if name not in rows.values()),
    }
    return [f"{name}: {text}." for name, text in lines.items() if text]


def _here(study: Study) -> str:
    """Students, teachers, collections and tasks of the finished runs that mined; "" where none has finished."""
    found = [study.runs[run.run_id] for run in study.tables_runs()]
    configs = [run.config for run in found if run.record.mining is not None]
    named = {
        "student": {config.student.name for config in configs},
        "teacher": {config.teacher.name for config in configs},
        "trained on": {config.data.name for config in configs},
        "measured on": {task for block in study.plan.blocks for task in difference_tasks(study, block)},
    }
    return "; ".join(f"{what} {', '.join(sorted(names))}" for what, names in named.items() if names)


def _gaps(item: Scores) -> list[str]:
    read = [f"{row.label}: {row.read}." for row in item.rows.values() if row.read]
    return [*read, *([f"Not given: {'; '.join(item.not_given)}."] if item.not_given else [])]

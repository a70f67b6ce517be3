"""What follows from the paper's figures, and what contradicts them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from analysis.formats import signed
from analysis.paper.read import PAPER, inconsistencies, paper_files, score_table
from analysis.paper.schema import BestOf, SameColumns, SameSetting, Scores

ASKED = "inconsistencies.yaml"


@dataclass(frozen=True)
class Inconsistency:
    """where: tables and figures. what: in words, its figures computed."""

    where: str
    what: str


def column_mean(table: Scores, row: str) -> float:
    """Mean of a row's printed scores by task, in the table's own unit."""
    return fmean(table.rows[row].tasks)


def average_fits(table: Scores, row: str) -> bool:
    """Whether a printed average can be the mean of its columns, all of them rounded to the digits printed."""
    rounding = 0.5 * 10.0**-table.digits.tasks + 0.5 * 10.0**-table.digits.average
    return abs(table.rows[row].average - column_mean(table, row)) <= rounding + 1e-9


def wrong_averages(folder: Path = PAPER) -> list[str]:
    """table/row of every printed average that does not follow from its columns."""
    tables = {name: item for name, item in paper_files(folder).items() if isinstance(item, Scores)}
    return [f"{name}/{row}" for name, table in tables.items() for row in table.rows if not average_fits(table, row)]


def best_tasks(table: Scores, row: str) -> dict[str, list[str]]:
    """The tasks on which a row is best, tied for best, or behind: under "best", "tied", "behind"."""
    found: dict[str, list[str]] = {"best": [], "tied": [], "behind": []}
    for index, task in enumerate(table.tasks):
        others = max(other.tasks[index] for name, other in table.rows.items() if name != row)
        own = table.rows[row].tasks[index]
        found["best" if own > others else "tied" if own == others else "behind"].append(task)
    return found


def inconsistency_list(folder: Path = PAPER) -> list[Inconsistency]:
    """Every inconsistency, each figure computed from the tables."""
    named = inconsistencies(folder)
    return [
        *(_average(folder, cell) for cell in named.averages),
        *(_same_setting(folder, item) for item in named.same_setting),
        *(_best_of(folder, item) for item in named.best_of),
        *(_same_columns(folder, item) for item in named.same_columns),
    ]


def _average(folder: Path, cell: str) -> Inconsistency:
    name, _, row = cell.partition("/")
    table = score_table(name, asked_by=ASKED, folder=folder)
    first = next(iter(table.rows))
    digits = table.digits.average
    printed, columns = table.rows[row].average, column_mean(table, row)
    by_columns = columns - column_mean(table, first)
    return Inconsistency(
        table.source.place,
        f"{table.rows[row].label}: printed average {printed:.{digits}f}, its columns average {columns:.{digits}f}; "
        f"against {table.rows[first].label} that is {signed(by_columns, digits)} and not "
        f"{signed(printed - table.rows[first].average, digits)}",
    )


def _same_setting(folder: Path, item: SameSetting) -> Inconsistency:
    pairs = [cell.partition("/")[::2] for cell in item.cells]
    tables = [score_table(name, asked_by=ASKED, folder=folder) for name, _ in pairs]
    printed = [table.rows[row].average for table, (_, row) in zip(tables, pairs, strict=True)]
    beside = [_compared(folder, *names) for names in item.compared_with]
    return Inconsistency(
        " and ".join(table.source.place for table in tables),
        f"two scores for one nominal set-up ({item.said}): {printed[0]:.4f} and {printed[1]:.4f}; "
        f"if nothing unreported differs, their gap of {abs(printed[1] - printed[0]):.4f} is larger than "
        f"{' and '.join(beside)}",
    )


def _compared(folder: Path, name: str, higher: str, lower: str) -> str:
    table = score_table(name, asked_by=ASKED, folder=folder)
    gap = table.rows[higher].average - table.rows[lower].average
    return f"{table.rows[higher].label} over {table.rows[lower].label} ({gap:.4f})"


def _best_of(folder: Path, item: BestOf) -> Inconsistency:
    table = score_table(item.table, asked_by=ASKED, folder=folder)
    found = best_tasks(table, item.row)
    behind = ", ".join(_behind(table, item.row, task) for task in found["behind"])
    good = len(found["best"]) + len(found["tied"])
    return Inconsistency(
        table.source.place,
        f'"{table.rows[item.row].label} is best on {item.claimed} of {len(table.tasks)}": it is best or tied on '
        f"{good} (tied on {', '.join(found['tied'])}; behind on {behind}); {item.caution}",
    )


def _behind(table: Scores, row: str, task: str) -> str:
    index, digits = table.tasks.index(task), table.digits.tasks
    best = max(table.rows, key=lambda name: table.rows[name].tasks[index])
    own, top = table.rows[row].tasks[index], table.rows[best].tasks[index]
    return f"{task}: {table.rows[best].label} {top:.{digits}f} against {own:.{digits}f}"


def _same_columns(folder: Path, item: SameColumns) -> Inconsistency:
    table = score_table(item.table, asked_by=ASKED, folder=folder)
    first, *others = item.rows
    equal, moved = _equal_columns(table, item.rows)
    labels = " and ".join(table.rows[row].label for row in others)
    changes = ", ".join(f"{task} moves, by {_range(table, first, others, task)}" for task in moved)
    return Inconsistency(
        table.source.place,
        f"{labels} share {' and '.join(equal)} with {table.rows[first].label} to {table.digits.tasks} digits; "
        f"only {changes}",
    )


def _equal_columns(table: Scores, rows: tuple[str, ...]) -> tuple[list[str], list[str]]:
    values = {task: {table.rows[row].tasks[index] for row in rows} for index, task in enumerate(table.tasks)}
    equal = [task for task, found in values.items() if len(found) == 1]
    return equal, [task for task in table.tasks if task not in equal]


def _range(table: Scores, first: str, others: list[str], task: str) -> str:
    index, digits = table.tasks.index(task), table.digits.tasks
    found = sorted(table.rows[row].tasks[index] - table.rows[first].tasks[index] for row in others)
    return " to ".join(dict.fromkeys(signed(gap, digits) for gap in found))

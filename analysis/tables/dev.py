"""What arms score on dev queries, in blocks that are measured on nothing else: what a value is chosen by."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from analysis.compare import block_tasks, is_dev
from analysis.formats import Table, fixed, markdown
from analysis.load import PRIMARY, FinishedRun, Study

NOTE = (
    "nDCG@10 on dev queries, which were looked at to choose by: no result. Lowest and highest: the means of single "
    "seeds over these collections."
)


def dev_markdown(study: Study, blocks: Sequence[str]) -> str:
    """One table a block that has dev tasks only; "" where no block is such."""
    tables = [(block, table) for block in blocks if (table := _table(study, block)) is not None]
    if not tables:
        return ""
    return "\n".join([*(f"### {block}\n\n{markdown(table)}" for block, table in tables), f"{NOTE}\n"])


def _table(study: Study, block: str) -> Table | None:
    cells = {arm: list(study.cell(block, arm).values()) for arm in study.plan.arms(block)}
    tasks = sorted({task for runs in cells.values() for run in runs for task in run.record.tasks if is_dev(task)})
    if not tasks or block_tasks(study, block):
        return None
    header = ("arm", *(f"{task} nDCG@10" for task in tasks), "mean", "lowest", "highest", "seeds")
    rows = tuple((arm, *_cells(runs, tasks)) for arm, runs in cells.items())
    return Table(header, rows)


def _cells(runs: Sequence[FinishedRun], tasks: Sequence[str]) -> tuple[str, ...]:
    whole = [[run.record.tasks[task].measures[PRIMARY] for task in tasks] for run in runs if _has(run, tasks)]
    if not whole:
        return (*(fixed(None, 4) for _ in tasks), *(fixed(None, 4),) * 3, "0")
    means = [fmean(scores) for scores in whole]
    by_task = [fixed(fmean(column), 4) for column in zip(*whole, strict=True)]
    return (*by_task, fixed(fmean(means), 4), fixed(min(means), 4), fixed(max(means), 4), str(len(whole)))


def _has(run: FinishedRun, tasks: Sequence[str]) -> bool:
    return all(task in run.record.tasks for task in tasks)

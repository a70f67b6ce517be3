"""Differences to the baseline beside the number of training queries, the steps and how often a query is seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from analysis.arms import arm_rows
from analysis.budgets import budgets, training_queries
from analysis.formats import DASH, Table, fixed, markdown
from analysis.load import Study
from analysis.tables.cells import difference_text, over_text
from experiments.config import InfoNCE

FIRST = ("training queries", "steps", "passes")


def sizes_markdown(study: Study, blocks: Sequence[str]) -> str:
    """One line a block of which a training has finished, by budget and number; "" where blocks differ otherwise."""
    sizes = {
        block: size
        for named in budgets(study, blocks).values()
        for block, size in sorted(_sizes(study, named).items(), key=lambda one: one[1].queries)
    }
    if not sizes:
        return ""
    baseline = study.plan.declaration.baseline_name
    arms = [arm for arm in study.plan.arms(next(iter(sizes))) if arm != baseline]
    header = (*FIRST, baseline, *(f"{arm} − {baseline} [95%]" for arm in arms), "intervals over")
    lines = [_cells(study, block, size, baseline, arms) for block, size in sizes.items()]
    return markdown(Table(header, tuple(lines), left=0))


@dataclass(frozen=True)
class _Size:
    """How much is trained. passes: how often a query is seen."""

    queries: int
    steps: int
    passes: float


def _sizes(study: Study, blocks: Sequence[str]) -> dict[str, _Size]:
    """Of the blocks of which a training has finished."""
    found = {}
    for block in blocks:
        runs = [run for arm in study.plan.arms(block) for run in study.cell(block, arm).values()]
        number = training_queries(runs)
        trained = [run.config.train for run in runs if isinstance(run.config.train, InfoNCE)]
        if number is not None and trained:
            steps = trained[0].steps
            found[block] = _Size(number, steps, steps * trained[0].batch_size / number)
    return found


def _cells(study: Study, block: str, size: _Size, baseline: str, arms: Sequence[str]) -> tuple[str, ...]:
    rows = {row.arm: row for row in arm_rows(study, block)}
    differences = [rows[arm].difference if arm in rows else None for arm in arms]
    over = dict.fromkeys(over_text(one) for one in differences if one is not None)
    mean = fixed(rows[baseline].mean, 4) if baseline in rows and rows[baseline].seeds else DASH
    told = (f"{size.queries:,}", str(size.steps), f"{size.passes:.1f}", mean)
    return (*told, *map(difference_text, differences), ", ".join(over) or DASH)

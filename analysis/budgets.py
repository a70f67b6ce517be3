"""Blocks that differ in the number of training queries: BUDGET_NUMBER, where a budget says how long is trained."""

from __future__ import annotations

from collections.abc import Sequence

from analysis.load import FinishedRun, Study

FEWEST = 3
"""Numbers of queries that make a curve."""


def budgets(study: Study, blocks: Sequence[str]) -> dict[str, list[str]]:
    """Budget -> its blocks in order, of budgets with at least three."""
    found: dict[str, list[str]] = {}
    for block in blocks:
        budget, _, number = block.rpartition("_")
        if budget and number.isdigit():
            found.setdefault(budget, []).append(block)
    counted = [block.rpartition("_")[0] for block in study.plan.blocks]
    return {budget: named for budget, named in found.items() if counted.count(budget) >= FEWEST}


def training_queries(runs: Sequence[FinishedRun]) -> int | None:
    """The training queries drawn; None for an arm that was not trained."""
    drawn = {run.record.mining.queries for run in runs if run.record.mining is not None}
    return drawn.pop() if len(drawn) == 1 else None

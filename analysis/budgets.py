"""Blocks that differ in the number of training queries: BUDGET_NUMBER, where a budget says how long is trained."""

from __future__ import annotations

from collections.abc import Sequence

from analysis.load import FinishedRun, Study

FEWEST = 3
"""Numbers of queries that make a curve."""


def budgets(study: Study, blocks: Sequence[str]) -> dict[str, list[str]]:
    """Budget -> those of `blocks` that are of it, in order; of budgets with at least three blocks in the study."""
    whole: dict[str, list[str]] = {}
    for block in study.plan.blocks:
        budget, _, number = block.rpartition("_")
        if budget and number.isdigit():
            whole.setdefault(budget, []).append(block)
    long = {budget: named for budget, named in whole.items() if len(named) >= FEWEST}
    return {budget: [block for block in blocks if block in named] for budget, named in long.items()}


def training_queries(runs: Sequence[FinishedRun]) -> int | None:
    """The training queries drawn; None for an arm that was not trained."""
    drawn = {run.record.mining.queries for run in runs if run.record.mining is not None}
    return drawn.pop() if len(drawn) == 1 else None

"""Differences to the baseline against the number of training queries, one panel a kind of budget."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from analysis.budgets import FEWEST, budgets, training_queries
from analysis.compare import compare_arms, difference_tasks
from analysis.figures.style import Figure, canvas, look, rounded
from analysis.load import Study
from analysis.stats import Difference

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

Curves = dict[str, list[tuple[int, Difference]]]
"""Arm -> (training queries, difference to the baseline), by number."""


@dataclass(frozen=True)
class Budget:
    """A budget's name, its curves, and the kind of the miner of each arm."""

    name: str
    curves: Curves
    kinds: Mapping[str, str]


def queries_figure(study: Study) -> Figure | None:
    """None where no budget has three finished numbers of training queries.

    Blocks are told apart by their names: BUDGET_NUMBER, where blocks of one budget make a panel.
    """
    panels = [_budget(study, name, blocks) for name, blocks in budgets(study, study.plan.blocks).items()]
    found = [panel for panel in panels if any(len(curve) >= FEWEST for curve in panel.curves.values())]
    if not found:
        return None
    baseline = study.plan.declaration.baseline_name
    caption = (
        f"Difference in nDCG@10 to {baseline} against the number of training queries, with "
        "95% intervals; a panel a budget. Points are moved sideways a little so that their intervals can be told apart."
    )
    return Figure("queries", "What a number of training queries gives", caption, partial(draw_budgets, found, baseline))


def draw_budgets(budgets: Sequence[Budget], baseline: str) -> Canvas:
    """A panel a budget."""
    figure, axes = canvas(3.3 * len(budgets) + 0.4, 3.0, columns=len(budgets), sharey=True)
    for ax, budget in zip(axes.flat, budgets, strict=True):
        _draw(ax, budget)
    axes.flat[0].set_ylabel(f"difference in nDCG@10 to {baseline}")
    axes.flat[0].legend(frameon=False, loc="best")
    return figure


def _budget(study: Study, name: str, blocks: Sequence[str]) -> Budget:
    curves = _curves(study, blocks)
    return Budget(name, curves, {arm: _kind(study, blocks, arm) for arm in curves})


def _curves(study: Study, blocks: Sequence[str]) -> Curves:
    baseline = study.plan.declaration.baseline_name
    curves: Curves = {}
    for block in blocks:
        for arm in study.plan.arms(block):
            runs = list(study.cell(block, arm).values())
            difference = compare_arms(study, block, arm, baseline, difference_tasks(study, block))
            if arm != baseline and difference is not None and (number := training_queries(runs)):
                curves.setdefault(arm, []).append((number, difference))
    return {arm: sorted(points, key=lambda point: point[0]) for arm, points in curves.items()}


def _draw(ax: Any, budget: Budget) -> None:
    curves = budget.curves
    ax.axhline(0, color="#666666", linewidth=0.8, zorder=0)
    for place, (arm, points) in enumerate(curves.items()):
        style = look(budget.kinds[arm])
        x = [number * (1 + 0.05 * (place - (len(curves) - 1) / 2)) for number, _ in points]
        y = [rounded(difference.mean) for _, difference in points]
        below = [rounded(difference.mean - difference.low) for _, difference in points]
        above = [rounded(difference.high - difference.mean) for _, difference in points]
        ax.errorbar(
            x,
            y,
            [below, above],
            label=arm,
            color=style.colour,
            marker=style.marker,
            markersize=5,
            linewidth=1.2,
            capsize=2,
        )
    numbers = sorted({number for points in curves.values() for number, _ in points})
    ax.set_xscale("log")
    ax.minorticks_off()
    ax.set_xticks(numbers, [f"{number:,}" for number in numbers])
    ax.set_title(budget.name, loc="left")
    ax.set_xlabel("training queries")


def _kind(study: Study, blocks: Sequence[str], arm: str) -> str:
    runs = [run for block in blocks for run in study.cell(block, arm).values()]
    return runs[0].config.miner.kind

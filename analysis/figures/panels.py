"""The score against each method's own parameter, one panel a method (Figures 1 and 2 of arXiv 2407.15831)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from analysis.compare import compare_arms, difference_tasks
from analysis.figures.style import BLACK, GREEN, SKY, Figure, canvas, look, rounded
from analysis.load import FinishedRun, Study
from analysis.stats import Difference
from experiments.miners.methods import METHODS

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

FEWEST = 3
"""Values of a parameter that make a curve."""

SAMPLED = {"sampled": ("sampled from the first k", GREEN, "s"), "top1_sampled": ("first + sampled", SKY, "D")}
"""mining.selection -> label, colour, marker."""
PAPER_K = 10.0


@dataclass(frozen=True)
class Panel:
    """One parameter of one method in one block: its values in order, and their differences to the baseline."""

    block: str
    label: str
    parameter: str
    colour: str
    marker: str
    paper: float | None
    points: tuple[tuple[float, Difference], ...]


def panels_figure(study: Study) -> Figure | None:
    """None where no parameter has three finished values."""
    panels = [panel for block in study.plan.blocks for panel in _panels(study, block)]
    if not panels:
        return None
    baseline = study.plan.declaration.baseline_name
    caption = (
        f"Difference in nDCG@10 to {baseline} against each method's own parameter, with 95% intervals; dotted: the "
        "paper's optimum. Only values whose runs have finished are drawn."
    )
    return Figure("panels", "The score against each method's parameter", caption, partial(draw_panels, panels))


def draw_panels(panels: Sequence[Panel]) -> Canvas:
    """At most four beside each other."""
    columns = min(4, len(panels))
    rows = -(-len(panels) // columns)
    figure, axes = canvas(2.9 * columns + 0.3, 2.7 * rows, rows=rows, columns=columns, sharey="row")
    for index, ax in enumerate(axes.flat):
        if index < len(panels):
            _draw(ax, panels[index], first=index % columns == 0)
        else:
            ax.set_visible(False)
    return figure


def _panels(study: Study, block: str) -> list[Panel]:
    """The panels of a block, in the order in which its arms are declared."""
    baseline, tasks = study.plan.declaration.baseline_name, difference_tasks(study, block)
    found: dict[tuple[str, str], list[tuple[float, Difference]]] = {}
    for arm in study.plan.arms(block):
        cell = study.cell(block, arm)
        swept = _swept(next(iter(cell.values()))) if cell else None
        difference = None if swept is None else compare_arms(study, block, arm, baseline, tasks)
        if swept is not None and difference is not None:
            found.setdefault(swept[:2], []).append((swept[2], difference))
    return [
        _panel(block, kind, parameter, tuple(sorted(points, key=lambda point: point[0])))
        for (kind, parameter), points in found.items()
        if len({value for value, _ in points}) >= FEWEST
    ]


def _swept(run: FinishedRun) -> tuple[str, str, float] | None:
    """(method or selection, parameter, value) of an arm; None for a method without one."""
    mining, miner = run.config.mining, run.config.miner
    if run.config.train.kind == "none":
        return None
    if mining.selection in SAMPLED:
        return mining.selection, "mining.sample_from", float(mining.sample_from)
    method = METHODS[miner.kind]
    value = method.value(miner)
    return None if value is None or method.parameter is None else (miner.kind, f"miner.{method.parameter}", value)


def _panel(block: str, kind: str, parameter: str, points: tuple[tuple[float, Difference], ...]) -> Panel:
    if kind in SAMPLED:
        label, colour, marker = SAMPLED[kind]
        return Panel(block, label, parameter, colour, marker, PAPER_K, points)
    style = look(kind)
    return Panel(block, style.label, parameter, style.colour, style.marker, METHODS[kind].optimum, points)


def _draw(ax: Any, panel: Panel, *, first: bool) -> None:
    x = [value for value, _ in panel.points]
    y = [rounded(difference.mean) for _, difference in panel.points]
    below = [rounded(difference.mean - difference.low) for _, difference in panel.points]
    above = [rounded(difference.high - difference.mean) for _, difference in panel.points]
    ax.axhline(0, color="#666666", linewidth=0.8, zorder=0)
    style = {"color": panel.colour, "marker": panel.marker, "markersize": 4.5, "linewidth": 1.2, "capsize": 2}
    ax.errorbar(x, y, [below, above], markerfacecolor="white", **style)
    if panel.paper is not None:
        ax.axvline(panel.paper, color=BLACK, linewidth=1.0, linestyle=":")
    ax.set_title(f"{panel.label}\n{panel.block}", loc="left")
    ax.set_xlabel(panel.parameter)
    if first:
        ax.set_ylabel("difference in nDCG@10")
    ax.margins(x=0.06, y=0.12)

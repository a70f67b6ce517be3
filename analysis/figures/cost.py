"""What work costs as it grows, one panel for each thing that grows."""

from __future__ import annotations

from collections.abc import Sequence

from analysis.figures.style import BLUE, Figure, canvas, rounded
from experiments.bench.values import Curve

COLUMNS = 3


def cost_figure(curves: Sequence[Curve]) -> Figure:
    """Both axes logarithmic."""
    columns = min(COLUMNS, len(curves))
    rows = -(-len(curves) // columns)
    figure, axes = canvas(2.7 * columns + 0.3, 2.7 * rows, rows=rows, columns=columns)
    panels = list(axes.flat)
    for ax, curve in zip(panels, curves, strict=False):
        ax.plot(
            *zip(*[(size, rounded(seconds)) for size, seconds in curve.points], strict=True), color=BLUE, marker="o"
        )
        ax.set_xscale("log")
        ax.set_yscale("log")
        ax.set_title(f"{curve.what}\nslope {curve.slope:.2f}", loc="left", fontsize=8)
        ax.set_xlabel(curve.axis, fontsize=8)
        ax.set_ylabel("CPU seconds", fontsize=8)
    for ax in panels[len(curves) :]:
        ax.set_visible(False)
    caption = "Both axes are logarithmic; a slope of 1 is cost in proportion to size, below 1 a fixed part is shared."
    return Figure("cost", "What work costs as it grows", caption, figure)

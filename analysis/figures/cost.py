"""What work costs as it grows, one panel for each thing that grows."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from analysis.figures.style import BLUE, Figure, canvas, rounded
from experiments.bench.values import Curve

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

COLUMNS = 3


def cost_figure(curves: Sequence[Curve]) -> Figure:
    """Both axes logarithmic."""
    caption = "Both axes are logarithmic; a slope of 1 is cost in proportion to size, below 1 a fixed part is shared."
    return Figure("cost", "What work costs as it grows", caption, partial(draw_curves, curves))


def draw_curves(curves: Sequence[Curve]) -> Canvas:
    """A panel a curve."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

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
        sizes = [size for size, _ in curve.points]
        ax.set_xticks(sizes, [_short(size) for size in sizes], fontsize=7)
        for axis in (ax.xaxis, ax.yaxis):
            axis.set_minor_formatter(NullFormatter())
        ax.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        ax.yaxis.set_major_formatter(FuncFormatter(lambda seconds, _: f"{seconds:g}"))
        ax.set_title(f"{curve.what}\nslope {curve.slope:.2f}", loc="left", fontsize=8)
        ax.set_xlabel(curve.axis, fontsize=7)
        ax.set_ylabel("CPU seconds", fontsize=8)
    for ax in panels[len(curves) :]:
        ax.set_visible(False)
    return figure


def _short(size: int) -> str:
    """10000 as 10k, 3000000 as 3M."""
    for unit, name in ((1_000_000, "M"), (1_000, "k")):
        if size >= unit and size % unit == 0:
            return f"{size // unit}{name}"
    return str(size)

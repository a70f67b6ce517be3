"""Differences with intervals as labelled rows, one panel under the other: forest plots and steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from analysis.figures.style import BLACK, GREY, canvas, rounded
from analysis.formats import interval
from analysis.stats import Difference
from analysis.steps import Rank

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

ROW_HEIGHT, HEAD_HEIGHT, WIDTH = 0.27, 0.75, 7.2

LINE = {"row": 1.6, "part": 0.9, "total": 2.6}
MARK = {"row": 5.5, "part": 3.5, "total": 7.0}


@dataclass(frozen=True)
class Row:
    """label, difference (None: drawn as "missing"), colour and marker.

    rank: a total stands out, a part of another row steps back.
    """

    label: str
    difference: Difference | None
    colour: str = BLACK
    marker: str = "o"
    rank: Rank = "row"


@dataclass(frozen=True)
class Panel:
    """title and rows, from top to bottom."""

    title: str
    rows: tuple[Row, ...]


def draw_panels(panels: Sequence[Panel], *, axis: str, margin: float | None = None) -> Canvas:
    """The panels on one common x axis; margin shades (-margin, margin)."""
    heights = [HEAD_HEIGHT + ROW_HEIGHT * len(panel.rows) for panel in panels]
    figure, axes = canvas(WIDTH, sum(heights), rows=len(panels), sharex=True, height_ratios=heights)
    for ax, panel in zip(axes[:, 0], panels, strict=True):
        _draw_panel(ax, panel, margin)
    axes[-1, 0].set_xlabel(axis)
    axes[-1, 0].locator_params(axis="x", nbins=5)  # matplotlib's own choice makes labels of four decimals touch
    return figure


def _draw_panel(ax: Any, panel: Panel, margin: float | None) -> None:
    ax.set_title(panel.title, loc="left", fontweight="bold")
    ax.axvline(0, color=GREY, linewidth=0.8, zorder=0)
    if margin is not None:
        ax.axvspan(-margin, margin, color="#e6e6e6", zorder=-1, linewidth=0)
    for index, row in enumerate(panel.rows):
        _draw_row(ax, index, row)
    ax.set_yticks(range(len(panel.rows)), [row.label for row in panel.rows])
    for tick, row in zip(ax.get_yticklabels(), panel.rows, strict=True):
        tick.set_fontweight("bold" if row.rank == "total" else "normal")
        tick.set_fontsize(8 if row.rank == "part" else 9)
        tick.set_color(GREY if row.rank == "part" else BLACK)
    ax.set_ylim(len(panel.rows) - 0.4, -0.6)
    ax.tick_params(axis="y", length=0)
    ax.tick_params(axis="x", labelbottom=True)
    ax.spines["left"].set_visible(False)


def _draw_row(ax: Any, index: int, row: Row) -> None:
    beside = {"transform": ax.get_yaxis_transform(), "va": "center", "fontsize": 8}
    found = row.difference
    if found is None:
        ax.text(1.02, index, "missing", color=GREY, style="italic", **beside)
        return
    low, mean, high = rounded(found.low), rounded(found.mean), rounded(found.high)
    ax.plot([low, high], [index, index], color=row.colour, linewidth=LINE[row.rank], solid_capstyle="butt")
    ax.plot([mean], [index], marker=row.marker, color=row.colour, markersize=MARK[row.rank], linestyle="")
    weight = "bold" if row.rank == "total" else "normal"
    text = interval(found.mean, found.low, found.high)
    suffix = " (queries only)" if found.over == "queries only" else ""
    ax.text(1.02, index, text + suffix, fontweight=weight, color=GREY if row.rank == "part" else BLACK, **beside)

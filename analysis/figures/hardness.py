"""Hardness against known false-negative rate: one curve per method over its values, one panel per setting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.figures.style import Figure, canvas, look, rounded
from analysis.layouts import Layout, mined_layouts, mined_runs
from analysis.load import Study
from analysis.roles import optimum
from analysis.stats import wilson
from experiments.errors import UserError

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas


def layout_figure(study: Study) -> Figure | None:
    """Of a study's runs that stopped after mining; None where there are none."""
    return hardness_figure(mined_runs(study.runs[run.run_id] for run in study.tables_runs()))


def hardness_figure(found: list[Layout]) -> Figure | None:
    """None where nothing was ranked."""
    ranked = _ranked(found)
    if not ranked:
        return None
    caption = (
        "Harder negatives are to the left (smaller mean score gap to the positive). Each curve is one method over its "
        "values; the first, the last and (filled) the paper's are written at their points. Lower at equal hardness is "
        "better. The scale is square-root; bars are Wilson's 95% intervals; all figures stand in the table."
    )
    return Figure("hardness", "Hardness against known false-negative rate", caption, partial(draw_layouts, ranked))


def frontier_figure(study: Study) -> Figure | None:
    """A panel for each teacher and collection that a study has mined with and from; None where none were ranked.

    Raises UserError for a study that mines with one teacher from one collection in several settings.
    """
    found: dict[tuple[str, str], list[Layout]] = {}
    for block in study.plan.blocks:
        if points := [layout for layout in _ranked(mined_layouts(study, block)) if layout.enough]:
            found.setdefault(_panel(study, block), []).extend(points)
    for (teacher, collection), points in found.items():
        if len({point.setting for point in points}) > 1:
            raise UserError(
                f"study {study.name}: figures: frontier has one panel for teacher {teacher} and {collection}, but the "
                "study mines there in several settings: leave it out"
            )
    if not found:
        return None
    caption = (
        "A row a teacher, a column a collection. Harder negatives are to the left (smaller mean score gap to the "
        "positive, in the teacher's own unit). Each curve is one method over its values, the paper's filled; naive "
        "mining, which every method is without its bar, is the hard end of each. Values that keep less than a tenth "
        "of the rows are left out. Lower at equal hardness is better. The scale is square-root; bars are Wilson's 95% "
        "intervals; all figures stand in the tables."
    )
    title = "Hardness against known false-negative rate, by teacher and collection"
    return Figure("frontier", title, caption, partial(draw_frontier, found))


def _panel(study: Study, block: str) -> tuple[str, str]:
    """(teacher, collection) of the block's first run."""
    first = next(run for arm in study.plan.arms(block) for run in study.cell(block, arm).values())
    return first.config.teacher.name, first.config.data.name


def _ranked(found: Sequence[Layout]) -> list[Layout]:
    """Those of which both coordinates are known."""
    return [layout for layout in found if layout.hardness.gap is not None and layout.rate is not None]


def draw_frontier(found: Mapping[tuple[str, str], list[Layout]]) -> Canvas:
    """A row a teacher, a column a collection, as far as there are points. found: (teacher, collection) -> points."""
    teachers, collections = (list(dict.fromkeys(names)) for names in zip(*found, strict=True))
    figure, axes = canvas(3.4 * len(collections), 2.6 * len(teachers), rows=len(teachers), columns=len(collections))
    for (row, teacher), (column, collection) in product(enumerate(teachers), enumerate(collections)):
        ax = axes[row, column]
        if (teacher, collection) not in found:
            ax.set_visible(False)
            continue
        _draw(ax, found[teacher, collection])
        ax.set_title(f"{collection}, {teacher}", loc="left", fontweight="bold")
    for ax in axes[-1]:
        ax.set_xlabel("mean score gap (small = hard)")
    for ax in axes[:, 0]:
        ax.set_ylabel("known false negatives, %")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=6, frameon=False)
    return figure


def draw_layouts(ranked: Sequence[Layout]) -> Canvas:
    """A panel a setting."""
    settings = list(dict.fromkeys(layout.setting for layout in ranked))
    figure, axes = canvas(6.4, 4.0 * len(settings), rows=len(settings))
    for ax, name in zip(axes[:, 0], settings, strict=True):
        _draw(ax, [layout for layout in ranked if layout.setting == name])
        ax.set_title(name, loc="left", fontweight="bold")
        ax.set_xlabel("mean score gap to the positive (small = hard)")
        ax.set_ylabel("known false negatives among mined, %")
        ax.legend(frameon=False, loc="upper right")
    return figure


def _draw(ax: Any, layouts: list[Layout]) -> None:
    for kind in dict.fromkeys(layout.kind for layout in layouts):
        drawn = look(kind)
        points = sorted((p for p in layouts if p.kind == kind), key=lambda p: p.value or 0.0)
        x, y = [rounded(p.hardness.gap or 0.0) for p in points], [rounded(100 * (p.rate or 0.0)) for p in points]
        bounds = [wilson(p.known, p.mined) for p in points]
        low = [rounded(max(v - 100 * b[0], 0.0)) for v, b in zip(y, bounds, strict=True)]
        high = [rounded(max(100 * b[1] - v, 0.0)) for v, b in zip(y, bounds, strict=True)]
        ax.errorbar(
            x,
            y,
            [low, high],
            color=drawn.colour,
            marker=drawn.marker,
            markersize=5,
            markerfacecolor=drawn.colour if len(points) == 1 else "white",
            linewidth=1.2,
            elinewidth=0.5,
            label=drawn.label,
        )
        _values(ax, points, x, y, drawn.colour)
    ax.set_yscale("function", functions=(_root, np.square))
    ax.set_ylim(bottom=0)
    ax.margins(x=0.08, y=0.1)


def _root(values: Any) -> Any:
    return np.sqrt(np.maximum(values, 0.0))


def _values(ax: Any, points: list[Layout], x: list[float], y: list[float], colour: str) -> None:
    """Write the ends of the curve and the paper's value, which is filled; all of them would hide one another."""
    for index, (point, px, py) in enumerate(zip(points, x, y, strict=True)):
        if point.value is None:
            continue
        paper = point.value == optimum(point.kind)
        if paper:
            ax.plot([px], [py], color=colour, marker=look(point.kind).marker, markersize=6.5, linestyle="", zorder=5)
        if paper or index in (0, len(points) - 1):
            offset = (-5, -11) if paper else (6, 3)
            ax.annotate(
                f"{point.value:g}",
                (px, py),
                offset,
                textcoords="offset points",
                ha="right" if paper else "left",
                color=colour,
                fontsize=8,
                fontweight="bold" if paper else "normal",
            )

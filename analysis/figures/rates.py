"""Difference to the baseline against the known false-negative rate, which `reveal` sets by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from analysis.arms import arm_rows
from analysis.figures.style import Figure, canvas, look, rounded
from analysis.figures.titles import block_title
from analysis.load import Study

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

CURVES = ("naive_topk", "topk_percpos")
SIDE = {"naive_topk": -1, "topk_percpos": 1}
"""Curves are set slightly apart to the left and right, and so are their labels: both have a point at rate 0."""


@dataclass(frozen=True)
class Point:
    """One arm: share revealed, known rate in percent, difference and its interval (the baseline: 0 without one)."""

    reveal: float
    rate: float
    mean: float
    low: float
    high: float


Curves = dict[str, list[Point]]
"""Method -> its points, by known rate."""


def rates_figure(study: Study) -> Figure | None:
    """None unless some block has one method at two shares revealed."""
    found = {block: _curves(study, block) for block in study.plan.blocks}
    blocks = [block for block, curves in found.items() if any(len(points) > 1 for points in curves.values())]
    if not blocks:
        return None
    panels = {block_title(study, block): found[block] for block in blocks}
    caption = (
        "The known false-negative rate, set by hand: `reveal` excludes that share of the hidden judged positives "
        "before mining. It changes more than the rate, for softer negatives take their places (mean gap and rank "
        "stand in the table). Numbers at the points: share revealed. Each point's 95% interval is paired against the "
        "baseline."
    )
    return Figure(
        "rates",
        "Difference against known false-negative rate",
        caption,
        partial(draw_rates, panels, study.plan.declaration.baseline_name),
    )


def draw_rates(panels: Mapping[str, Curves], baseline: str) -> Canvas:
    """A panel a title."""
    figure, axes = canvas(3.6 * len(panels) + 0.2, 3.2, columns=len(panels))
    for ax, (title, curves) in zip(axes[0], panels.items(), strict=True):
        _draw(ax, curves)
        ax.set_title(title, loc="left", fontweight="bold")
    axes[0, 0].set_ylabel(f"nDCG@10, difference to {baseline}")
    return figure


def _curves(study: Study, block: str) -> Curves:
    curves: Curves = {kind: [] for kind in CURVES}
    for row in arm_rows(study, block):
        runs = list(study.cell(block, row.arm).values())
        if not runs or row.known_false is None or row.view != "own rows" or runs[0].config.miner.kind not in CURVES:
            continue
        config, d = runs[0].config, row.difference
        if config.mining.false_negatives != "remove":
            continue
        reveal, rate = config.mining.reveal, 100 * row.known_false.rate
        taken = {point.reveal for point in curves[config.miner.kind]}
        is_baseline = row.arm == study.plan.declaration.baseline_name
        if reveal in taken or (d is None and not is_baseline):
            continue
        values = (0.0, 0.0, 0.0) if d is None else (d.mean, d.low, d.high)
        curves[config.miner.kind].append(Point(reveal, rate, *values))
    return {kind: sorted(points, key=lambda p: p.rate) for kind, points in curves.items()}


def _draw(ax: Any, curves: Curves) -> None:
    ax.axhline(0, color="#666666", linewidth=0.8, zorder=0)
    apart = 0.008 * max(point.rate for points in curves.values() for point in points)
    for kind, points in curves.items():
        if points:
            _draw_curve(ax, kind, points, apart)
    ax.set_xlabel("known false negatives among mined, %")
    ax.margins(x=0.2, y=0.2)


def _draw_curve(ax: Any, kind: str, points: list[Point], apart: float) -> None:
    drawn = look(kind)
    side = SIDE[kind]
    x, y = [rounded(p.rate + side * apart) for p in points], [rounded(p.mean) for p in points]
    below = [rounded(p.mean - p.low) for p in points]
    above = [rounded(p.high - p.mean) for p in points]
    ax.errorbar(x, y, [below, above], color=drawn.colour, marker=drawn.marker, markersize=5.5, linewidth=1.4, capsize=0)
    for point, px, py in zip(points, x, y, strict=True):
        ax.annotate(
            f"{point.reveal:g}",
            (px, py),
            (4 * side, 5 * side),
            textcoords="offset points",
            ha="right" if side < 0 else "left",
            va="top" if side < 0 else "bottom",
            color=drawn.colour,
            fontsize=8,
        )
    ax.annotate(
        drawn.label,
        (x[-1], y[-1]),
        (6, 18 * side),
        textcoords="offset points",
        ha="right" if side < 0 else "left",
        va="top" if side < 0 else "bottom",
        color=drawn.colour,
        fontweight="bold",
    )

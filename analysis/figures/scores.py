"""What positives and mined negatives score with the teacher (Figure 4 of arXiv 2407.15831, panels a and b)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.figures.style import BLACK, Figure, canvas, look, rounded
from analysis.load import FinishedRun, Study
from experiments.records.mining import Histogram

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

SHOWN = ("positive_score", "negative_score", "gap")
"""Histograms that a row needs."""


@dataclass(frozen=True)
class Scored:
    """One arm: the title of its row, its colour, and its histograms by name."""

    title: str
    colour: str
    histograms: Mapping[str, Histogram]


def scores_figure(study: Study) -> Figure | None:
    """None where no run has mined with a teacher that scores."""
    rows = [_scored(f"{arm}, {block}", run) for block in study.plan.blocks for arm, run in _arms(study, block)]
    if not rows:
        return None
    caption = (
        "Left: the teacher's scores of shown positives (black outline) and of all negatives mined for them. Right: the "
        "gap between the two, row by row; left of 0 the teacher prefers the negative. One seed. The paper shows each "
        "row's first negative, here all of them are counted."
    )
    return Figure("scores", "What the teacher scores", caption, partial(draw_scores, rows))


def draw_scores(rows: Sequence[Scored]) -> Canvas:
    """Scores on the left, gaps on the right."""
    figure, axes = canvas(7.4, 2.4 * len(rows), rows=len(rows), columns=2, sharex="col")
    for (left, right), row in zip(axes, rows, strict=True):
        _draw_scores(left, row)
        _draw_gaps(right, row)
    axes[-1][0].set_xlabel("teacher's score")
    axes[-1][1].set_xlabel("positive's score less negative's")
    return figure


def _arms(study: Study, block: str) -> list[tuple[str, FinishedRun]]:
    """The first finished seed of each arm that has the histograms."""
    found = []
    for arm in study.plan.arms(block):
        for run in list(study.cell(block, arm).values())[:1]:
            mining = run.record.mining
            if mining is not None and mining.histograms.keys() >= set(SHOWN):
                found.append((arm, run))
    return found


def _scored(title: str, run: FinishedRun) -> Scored:
    assert run.record.mining is not None
    return Scored(
        title, look(run.config.miner.kind).colour, {name: run.record.mining.histograms[name] for name in SHOWN}
    )


def _draw_scores(ax: Any, row: Scored) -> None:
    _bars(ax, row.histograms["negative_score"], facecolor=row.colour, alpha=0.55, label="negatives")
    _bars(ax, row.histograms["positive_score"], fill=False, edgecolor=BLACK, linewidth=1.2, label="positives")
    ax.set_title(row.title, loc="left")
    ax.set_ylabel("share")
    ax.legend(frameon=False, loc="best", fontsize=8)


def _draw_gaps(ax: Any, row: Scored) -> None:
    _bars(ax, row.histograms["gap"], facecolor=row.colour, alpha=0.55)
    ax.axvline(0, color=BLACK, linewidth=0.9, linestyle=":")


def _bars(ax: Any, histogram: Histogram, **style: Any) -> None:
    """The bins from the first to the last that hold anything: the outermost ones reach to -1000 and 1000."""
    counts = np.asarray(histogram.counts, dtype=np.float64)
    filled = np.flatnonzero(counts)
    if not filled.size:
        return
    first, last = int(filled[0]), int(filled[-1]) + 1
    shares = [rounded(share) for share in counts[first:last] / counts.sum()]
    ax.stairs(shares, histogram.edges[first : last + 1], fill=style.pop("fill", True), **style)

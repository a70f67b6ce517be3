"""Curves over the values tried on dev, with intervals and the paper's optimum marked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from analysis.compare import compare_runs, is_dev
from analysis.figures.style import BLACK, Figure, canvas, look, rounded
from analysis.load import FinishedRun, Study
from analysis.roles import optimum
from analysis.stats import Difference
from experiments.studies.plan import Chosen, CurvePoint

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas


@dataclass(frozen=True)
class Curve:
    """One cell's values in order, differences to the reference value (None at itself), and what to mark."""

    cell: str
    key: str
    method: str | None
    values: tuple[float, ...]
    means: tuple[float, ...]
    differences: tuple[Difference | None, ...]
    reference: float
    paper: float | None
    chosen: float


def thresholds_figure(study: Study) -> Figure | None:
    """None for a study that chooses nothing on dev."""
    curves = [_curve(study, cell) for cell, chosen in study.plan.chosen.items() if _drawable(chosen)]
    if not curves:
        return None
    caption = (
        "Values tried on dev. Each point is the paired difference in dev nDCG@10 to the value at the filled "
        "reference point "
        "(the paper's optimum where it was tried), with its 95% interval; dotted: the paper's optimum; ringed: "
        "the value chosen."
    )
    return Figure("thresholds", "Threshold curves on dev", caption, partial(draw_curves, curves))


def draw_curves(curves: Sequence[Curve]) -> Canvas:
    """Two beside each other."""
    columns = min(2, len(curves))
    rows = -(-len(curves) // columns)
    figure, axes = canvas(3.6 * columns + 0.2, 2.9 * rows, rows=rows, columns=columns)
    for index, ax in enumerate(axes.flat):
        if index < len(curves):
            _draw(ax, curves[index])
        else:
            ax.set_visible(False)
    return figure


def _drawable(chosen: Chosen) -> bool:
    return chosen.value is not None and all(isinstance(point.value, int | float) for point in chosen.curve)


def _curve(study: Study, cell: str) -> Curve:
    chosen = study.plan.chosen[cell]
    points = sorted(chosen.curve, key=lambda point: float(point.value))
    runs = [_runs(study, point) for point in points]
    kind = next(iter(runs[0].values())).config.miner.kind
    about_miner = chosen.key.startswith("miner.")
    paper = optimum(kind) if about_miner else None
    at = _reference(chosen, [float(point.value) for point in points], paper)
    tasks = [task for task in next(iter(runs[at].values())).scores if is_dev(task)]
    return Curve(
        cell=cell,
        key=chosen.key,
        method=kind if about_miner else None,
        values=tuple(float(point.value) for point in points),
        means=tuple(point.mean or 0.0 for point in points),
        differences=tuple(None if i == at else compare_runs(r, runs[at], tasks) for i, r in enumerate(runs)),
        reference=float(points[at].value),
        paper=paper,
        chosen=_number(chosen),
    )


def _runs(study: Study, point: CurvePoint) -> dict[int, FinishedRun]:
    runs = [study.runs[run_id] for run_id in point.run_ids]
    return {run.config.seed: run for run in sorted(runs, key=lambda run: run.config.seed)}


def _reference(chosen: Chosen, values: list[float], paper: float | None) -> int:
    return values.index(paper if paper is not None and paper in values else _number(chosen))


def _number(chosen: Chosen) -> float:
    assert chosen.value is not None
    return float(chosen.value)


def _draw(ax: Any, curve: Curve) -> None:
    colour, marker = (BLACK, "o") if curve.method is None else (look(curve.method).colour, look(curve.method).marker)
    y = [0.0 if d is None else rounded(d.mean) for d in curve.differences]
    below = [0.0 if d is None else rounded(d.mean - d.low) for d in curve.differences]
    above = [0.0 if d is None else rounded(d.high - d.mean) for d in curve.differences]
    ax.axhline(0, color="#666666", linewidth=0.8, zorder=0)
    ax.errorbar(
        curve.values,
        y,
        [below, above],
        color=colour,
        marker=marker,
        markersize=5,
        linewidth=1.3,
        markerfacecolor="white",
    )
    at = curve.values.index(curve.reference)
    ax.plot([curve.reference], [0.0], color=colour, marker=marker, markersize=6.5, linestyle="", zorder=5)
    if curve.chosen in curve.values:
        best = curve.values.index(curve.chosen)
        ax.plot(
            [curve.chosen],
            [y[best]],
            marker="o",
            markersize=13,
            markerfacecolor="none",
            color=BLACK,
            linestyle="",
            zorder=6,
        )
    if curve.paper is not None:
        ax.axvline(curve.paper, color="#444444", linewidth=1.0, linestyle=":")
        _mark_paper(ax, curve.paper, curve.values)
    if min(curve.values) > 0 and max(curve.values) / min(curve.values) > 5:
        ax.set_xscale("log")
        ax.minorticks_off()
    ax.set_xticks(curve.values, [f"{value:g}" for value in curve.values])
    ax.set_title(f"{curve.cell}\n0 = {curve.means[at]:.4f} at {curve.reference:g}", loc="left")
    ax.set_xlabel(curve.key)
    ax.set_ylabel("difference in dev nDCG@10")
    ax.margins(x=0.08, y=0.18)


def _mark_paper(ax: Any, paper: float, values: tuple[float, ...]) -> None:
    right = paper > (min(values) + max(values)) / 2
    ax.text(
        paper,
        0.02,
        "paper's optimum " if right else " paper's optimum",
        transform=ax.get_xaxis_transform(),
        ha="right" if right else "left",
        va="bottom",
        fontsize=8,
        color="#444444",
    )

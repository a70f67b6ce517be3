"""The figures of a search's page: its history, each parameter by itself, the front, what matters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.figures.style import BLACK, GREY, ORANGE, Figure, canvas, look, rounded
from analysis.load import Study
from analysis.searched import unbeaten
from experiments.miners.methods import METHODS
from experiments.searching.declaration import Choices, is_better_higher
from experiments.searching.space import Parameter, parameters
from experiments.searching.trials import SearchFile, TrialLine

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

COLUMNS = 3


def history_figure(study: Study) -> Figure | None:
    """Every trial in order, with the best so far; None for what is no search."""
    search = study.search
    if search is None or not search.whole:
        return None
    first = search.search.objectives[0]
    caption = f"Every trial's {first} in the order in which trials began; dotted: the paper's setting."
    return Figure("history", "Trials and the best so far", caption, partial(draw_history, search))


def draw_history(search: SearchFile) -> Canvas:
    """Trials in the order of their numbers."""
    first = search.search.objectives[0]
    figure, axes = canvas(7.2, 3.2)
    ax = axes[0, 0]
    pruned = [trial for trial in search.trials if trial.state == "pruned" and trial.reports]
    ax.scatter(
        [trial.number for trial in pruned],
        [rounded(trial.reports[max(trial.reports)]) for trial in pruned],
        marker="x", s=22, color=GREY, linewidth=0.9, label="pruned: its last value on dev",
    )  # fmt: skip
    _methods(ax, search.whole, [trial.number for trial in search.whole], first)
    best = _best_so_far(search, first)
    ax.step([n for n, _ in best], [v for _, v in best], where="post", color=BLACK, linewidth=1.2, label="best so far")
    _paper_line(ax, search, first)
    ax.set_xlabel("trial")
    ax.set_ylabel(first)
    _legend_beside(ax)
    return figure


def slices_figure(study: Study) -> Figure | None:
    """The first objective against each parameter by itself; None for what is no search."""
    search = study.search
    if search is None or not search.whole:
        return None
    first = search.search.objectives[0]
    caption = f"{first} of the whole trials against each parameter by itself; dotted: the paper's setting."
    return Figure("slices", "Each parameter by itself", caption, partial(draw_slices, search))


def draw_slices(search: SearchFile) -> Canvas:
    """A panel a parameter."""
    tried = {name for trial in search.whole for name in trial.parameters}
    shown = [parameter for parameter in parameters(search.search) if parameter.name in tried]
    columns = min(COLUMNS, len(shown))
    rows = -(-len(shown) // columns)
    figure, axes = canvas(2.7 * columns + 0.3, 2.5 * rows, rows=rows, columns=columns, sharey=True)
    first = search.search.objectives[0]
    for ax, parameter in zip(axes.flat, shown, strict=False):
        _slice(ax, search, parameter, first)
    for ax in list(axes.flat)[len(shown) :]:
        ax.set_visible(False)
    for row in axes:
        row[0].set_ylabel(first)
    return figure


def pareto_figure(study: Study) -> Figure | None:
    """The first thing that is looked at against each other one; None where there is one alone."""
    search = study.search
    if search is None or len(search.search.shown) < 2 or not search.whole:
        return None
    caption = f"Whole trials; ringed: those that no other beats in {', '.join(search.search.shown)} at once."
    title = "Trade-offs between what trials are looked at for"
    return Figure("pareto", title, caption, partial(draw_pareto, search, unbeaten(search)))


def draw_pareto(search: SearchFile, kept: Sequence[TrialLine]) -> Canvas:
    """A panel a pair, those that are `kept` ringed."""
    first, *others = search.search.shown
    have = [trial for trial in search.whole if all(name in trial.values for name in search.search.shown)]
    figure, axes = canvas(3.6 * len(others) + 0.4, 3.0, columns=len(others))
    for ax, name in zip(axes[0], others, strict=True):
        _methods(ax, have, [trial.values[name] for trial in have], first)
        ax.scatter(
            [rounded(trial.values[name]) for trial in kept],
            [rounded(trial.values[first]) for trial in kept],
            s=70, facecolors="none", edgecolors=BLACK, linewidth=1.0, label="no other beats it in all", zorder=4,
        )  # fmt: skip
        ax.set_xlabel(name)
    axes[0, 0].set_ylabel(first)
    _legend_beside(axes[0, -1])
    return figure


def importance_figure(study: Study) -> Figure | None:
    """Bars of importance; None where nothing was computed."""
    search = study.search
    if search is None or not search.importance:
        return None
    caption = "Which parameters decide whether a trial is among the best tenth, over the whole trials of this search."
    return Figure("importance", "Importance of the parameters", caption, partial(draw_importance, search.importance))


def draw_importance(importance: Mapping[str, float]) -> Canvas:
    """The first on top."""
    names = list(importance)[::-1]
    figure, axes = canvas(6.0, 0.32 * len(names) + 0.8)
    ax = axes[0, 0]
    ax.barh(range(len(names)), [rounded(100 * importance[name]) for name in names], color=ORANGE, height=0.6)
    ax.set_yticks(range(len(names)), names)
    ax.tick_params(axis="y", length=0)
    ax.set_xlabel("importance, % (PED-ANOVA)")
    return figure


def _legend_beside(ax: Any) -> None:
    ax.legend(fontsize=7, loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)


def _slice(ax: Any, search: SearchFile, parameter: Parameter, first: str) -> None:
    name, declared = parameter.name, parameter.values
    trials = [trial for trial in search.whole if name in trial.parameters]
    if isinstance(declared, Choices):
        places = {str(choice): i for i, choice in enumerate(declared.choices)}
        x: Sequence[float] = [places[str(trial.parameters[name])] for trial in trials]
        ax.set_xticks(range(len(places)), [_short(choice) for choice in places], rotation=30, ha="right", fontsize=7)
        ax.set_xlim(-0.6, len(places) - 0.4)
    else:
        x = [float(trial.parameters[name] or 0.0) for trial in trials]
        ax.set_xscale("log" if declared.log else "linear")
        ax.minorticks_off()
        edge = 0.0 if declared.log else 0.05 * (declared.high - declared.low)
        ax.set_xlim(declared.low - edge, declared.high + edge)
    _methods(ax, trials, x, first)
    _paper_line(ax, search, first)
    ax.set_xlabel(name, fontsize=8)


def _short(choice: str) -> str:
    return METHODS[choice].label if choice in METHODS else choice


def _methods(ax: Any, trials: Sequence[TrialLine], x: Sequence[float], name: str) -> None:
    """Points by mining method, where that is varied."""
    kinds = list(dict.fromkeys(str(trial.settings.get("miner", "")) for trial in trials))
    for kind in kinds:
        mine = [i for i, trial in enumerate(trials) if str(trial.settings.get("miner", "")) == kind]
        drawn = look(kind) if kind in METHODS else None
        ax.scatter(
            [rounded(x[i]) for i in mine],
            [rounded(trials[i].values[name]) for i in mine],
            s=22,
            color=BLACK if drawn is None else drawn.colour,
            marker="o" if drawn is None else drawn.marker,
            label="whole" if drawn is None else drawn.label,
            zorder=3,
        )


def _paper_line(ax: Any, search: SearchFile, name: str) -> None:
    if search.baseline is not None:
        ax.axhline(rounded(search.baseline.values[name]), color=GREY, linewidth=1.0, linestyle=":", zorder=0)


def _best_so_far(search: SearchFile, name: str) -> list[tuple[int, float]]:
    values = np.asarray([trial.values[name] for trial in search.whole])
    best = np.maximum.accumulate(values) if is_better_higher(name) else np.minimum.accumulate(values)
    points = [(trial.number, rounded(value)) for trial, value in zip(search.whole, best, strict=True)]
    return [*points, (max(trial.number for trial in search.trials), points[-1][1])]

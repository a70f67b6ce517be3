"""Every figure that a study's page can hold, by the name that a study gives under `figures`."""

from __future__ import annotations

from collections.abc import Callable

from analysis.chosen import chosen
from analysis.figures.forest import forest_figure
from analysis.figures.hardness import frontier_figure, layout_figure
from analysis.figures.panels import panels_figure
from analysis.figures.queries import queries_figure
from analysis.figures.rates import rates_figure
from analysis.figures.scores import scores_figure
from analysis.figures.search import history_figure, importance_figure, pareto_figure, slices_figure
from analysis.figures.steps import steps_figure
from analysis.figures.style import Figure
from analysis.figures.thresholds import thresholds_figure
from analysis.load import Study

FIGURES: dict[str, Callable[[Study], Figure | None]] = {
    "steps": steps_figure,
    "methods": forest_figure,
    "rates": rates_figure,
    "thresholds": thresholds_figure,
    "hardness": layout_figure,
    "frontier": frontier_figure,
    "panels": panels_figure,
    "queries": queries_figure,
    "scores": scores_figure,
    "history": history_figure,
    "slices": slices_figure,
    "pareto": pareto_figure,
    "importance": importance_figure,
}
"""None where a study's records do not allow the figure."""

DEFAULT = ("steps", "methods", "rates", "thresholds", "hardness")
"""What the page of a study holds that names no figures, in this order, as far as its records allow."""


def study_figures(study: Study) -> list[Figure]:
    """The figures of a study in the order of its page. Raises UserError for a name that is no figure."""
    found = chosen(FIGURES, study.plan.declaration.figures, study=study.name, what="figures", default=DEFAULT)
    return [figure for make in found.values() if (figure := make(study)) is not None]

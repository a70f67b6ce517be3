"""Every figure that a study's records allow."""

from __future__ import annotations

from analysis.figures.forest import forest_figure
from analysis.figures.hardness import layout_figure
from analysis.figures.rates import rates_figure
from analysis.figures.steps import steps_figure
from analysis.figures.style import Figure
from analysis.figures.thresholds import thresholds_figure
from analysis.load import Study

FIGURES = (steps_figure, forest_figure, rates_figure, thresholds_figure, layout_figure)


def study_figures(study: Study) -> list[Figure]:
    """In the order of the page."""
    return [figure for make in FIGURES if (figure := make(study)) is not None]

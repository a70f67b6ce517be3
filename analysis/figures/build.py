"""Every figure that a study's records allow."""

from __future__ import annotations

from analysis.figures.style import Figure
from analysis.load import Study


def study_figures(study: Study) -> list[Figure]:
    """In the order of the page."""
    return []

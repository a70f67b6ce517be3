"""The files of a study, rendered as bytes."""

from __future__ import annotations

from pathlib import Path

from analysis.folders import PIXELS
from analysis.load import Study
from analysis.report.page import page
from analysis.tables.registry import study_tables


def render_study(study: Study, *, png: bool = False, keep: Path | None = None) -> dict[str, bytes]:
    """Relative path -> content of every file of a study's results, equal bytes for equal records.

    png: every figure in pixels, too. keep: where figures that were drawn already are kept; None draws all.
    """
    from analysis.figures.registry import study_figures

    figures = study_figures(study)
    files = {f"figures/{one.name}.svg": one.kept_svg(f"{study.name}.{one.name}", folder=keep) for one in figures}
    if png:
        files |= {f"figures/{figure.name}{PIXELS}": figure.png for figure in figures}
    for table in study_tables(study).values():
        files |= {f"tables/{name}": text.encode() for name, text in table.files(study).items()}
    files["README.md"] = page(study, figures).encode()
    return dict(sorted(files.items()))

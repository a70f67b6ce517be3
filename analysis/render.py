"""The files of a study: rendered as bytes, then written or compared."""

from __future__ import annotations

from pathlib import Path

from analysis.load import Study
from analysis.report.page import page
from analysis.tables.registry import study_tables

OWNED = ("tables", "figures")
"""Folders whose files are ours alone: one that is not rendered any more is stale."""
PIXELS = ".png"
"""Ending of what is made on request and never compared: rasterised text differs between versions of matplotlib."""


def render_study(study: Study, *, png: bool = False) -> dict[str, bytes]:
    """Relative path -> content of every file of a study's results, equal bytes for equal records.

    png: every figure in pixels, too.
    """
    from analysis.figures.registry import study_figures

    figures = study_figures(study)
    files = {f"figures/{figure.name}.svg": figure.svg for figure in figures}
    if png:
        files |= {f"figures/{figure.name}{PIXELS}": figure.png for figure in figures}
    for table in study_tables(study).values():
        files |= {f"tables/{name}": text.encode() for name, text in table.files(study).items()}
    files["README.md"] = page(study, figures).encode()
    return dict(sorted(files.items()))


def write_files(folder: Path, files: dict[str, bytes]) -> None:
    """Write them and remove what a former version left in the folders that are ours."""
    for name in stale_files(folder, files):
        (folder / name).unlink()
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def differing_files(folder: Path, files: dict[str, bytes]) -> list[str]:
    """Names of files that are missing, differ in a byte, or should not be there."""
    changed = [name for name, content in files.items() if not _equal(folder / name, content)]
    stale = [name for name in stale_files(folder, files) if not name.endswith(PIXELS)]
    return sorted([*changed, *stale])


def stale_files(folder: Path, files: dict[str, bytes]) -> list[str]:
    """Files in our folders that are not rendered any more."""
    present = [path for owned in OWNED for path in (folder / owned).glob("*") if path.is_file()]
    return sorted(name for path in present if (name := path.relative_to(folder).as_posix()) not in files)


def _equal(path: Path, content: bytes) -> bool:
    return path.is_file() and path.read_bytes() == content

"""Each table and figure of the paper, the study that reproduces it, and the pages of what was run."""

from __future__ import annotations

import os
import re
from pathlib import Path

from analysis.formats import DASH, Table, markdown
from analysis.paper.read import paper_files, reproductions
from analysis.paper.schema import PaperFile, Reproduction, Reproductions


def guide_table(results: Path, *, page: Path) -> str:
    """The table as Markdown. results: the results folder; page: the folder of the page that it stands on."""
    folder = results / "paper"
    listed = reproductions(folder)
    rows = tuple(_cells(results, page, listed, line) for line in listed.studies)
    return markdown(Table(("the paper", "what", "study", "pages of runs"), rows, left=4))


def heading(item: PaperFile) -> str:
    """The heading of a table or figure on the page of the paper's figures."""
    return f"{item.source.place}: {item.title}"


def _cells(results: Path, page: Path, listed: Reproductions, line: Reproduction) -> tuple[str, ...]:
    item = paper_files(results / "paper")[line.paper]
    names = [f"{line.study}_{scale}" for scale in listed.scales] if line.study else []
    study = "constants" if line.study is None else f"`conf/study/{line.study}.yaml`"
    run = [name for name in names if (results / name / "plan.json").is_file()]
    read = [name for name in line.also if (results / name / "README.md").is_file()]
    pages = [_link(name, results / name, page) for name in (*run, *read)]
    figures = _link(item.source.place, results / "paper" / "README.md", page, anchor=_anchor(heading(item)))
    return figures, item.title, study, ", ".join(pages) or _command(line.study)


def _command(study: str | None) -> str:
    """What runs a study that nobody has run here; a dash for what is no study."""
    return DASH if study is None else f"not run here: `python -m experiments.run -m study={study}`"


def _link(name: str, target: Path, page: Path, *, anchor: str = "") -> str:
    return f"[{name}]({Path(os.path.relpath(target, page)).as_posix()}{anchor})"


def _anchor(title: str) -> str:
    """As GitHub names a heading: lower case, punctuation dropped, spaces to hyphens."""
    return "#" + re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")

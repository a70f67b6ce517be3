"""results/paper/README.md: every table and figure of the paper as far as its figures are known, and what is odd."""

from __future__ import annotations

from pathlib import Path

from analysis.formats import Table, markdown
from analysis.paper.derived import inconsistency_list
from analysis.paper.read import paper_files
from analysis.paper.schema import PaperFile
from analysis.paper.show import shown
from analysis.report.guide import guide_table, heading
from analysis.sources import Source

HEAD = """# The paper's figures

NV-Retriever ([arXiv 2407.15831](https://arxiv.org/abs/2407.15831), v1 July 2024, v2 February 2025). Each table here is
one YAML file in this folder, which says where its figures come from and how they were read; `python -m analysis build`
makes this page of them. Numbers of tables and figures are those of v2. Rows are called as the arms of our studies.
"""
ROUNDING = "All other averages of its tables check out within rounding."


def paper_pages(source: Source) -> dict[Path, bytes]:
    """The page, where the results folder holds the paper's figures."""
    folder = source.root / "paper"
    if source.is_store or not (folder / "studies.yaml").is_file():
        return {}
    return {folder / "README.md": paper_page(folder).encode()}


def paper_page(folder: Path) -> str:
    """The whole page as Markdown."""
    sections = [
        f"## {heading(item)}\n\n`{name}.yaml`{_study(item)}. {shown(item, folder)}"
        for name, item in paper_files(folder).items()
    ]
    guide = f"## Which study reproduces what\n\n{guide_table(folder.parent, page=folder)}"
    odd = f"## What the paper's figures contradict\n\n{inconsistency_table(folder)}"
    return "\n".join([HEAD, guide, *sections, odd])


def inconsistency_table(folder: Path) -> str:
    """One line each."""
    rows = tuple((found.where, found.what) for found in inconsistency_list(folder))
    return f"{markdown(Table(('where', 'what'), rows, left=2))}\n{ROUNDING}\n"


def _study(item: PaperFile) -> str:
    return "" if item.study is None else f", study `{item.study}`"

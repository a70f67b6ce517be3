"""Every table that a study's page can hold, by the name that a study gives under `tables`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from analysis.chosen import chosen
from analysis.load import Study
from analysis.tables.blocks import block_files, blocks_markdown
from analysis.tables.calibration import calibration_markdown
from analysis.tables.contrasts import added_markdown, contrasts_markdown
from analysis.tables.detail import detail_markdown
from analysis.tables.dev import dev_markdown
from analysis.tables.expected import expected_markdown
from analysis.tables.frontier import frontier_markdown
from analysis.tables.overlap import overlap_markdown
from analysis.tables.paper import paper_markdown
from analysis.tables.search import (
    importance_markdown,
    optimism_markdown,
    pareto_markdown,
    trials_files,
    trials_markdown,
    winner_markdown,
)
from analysis.tables.sizes import sizes_markdown
from analysis.tables.steps import steps_markdown


def _no_files(_study: Study) -> dict[str, str]:
    return {}


@dataclass(frozen=True)
class PageTable:
    """A table and its place on the page.

    title: its heading. markdown: its text for some blocks of the study; "" = nothing to show, and no heading either.
    files: file name -> text, written to the study's tables/. last: it stands after the figures.
    """

    title: str
    markdown: Callable[[Study, Sequence[str]], str]
    files: Callable[[Study], Mapping[str, str]] = _no_files
    last: bool = False


TABLES: dict[str, PageTable] = {
    "methods": PageTable("Methods", blocks_markdown, block_files),
    "dev": PageTable("On dev queries", dev_markdown),
    "sizes": PageTable("By the number of training queries", sizes_markdown),
    "contrasts": PageTable("Primary contrasts", contrasts_markdown),
    "added": PageTable("Contrasts added after runs were seen", added_markdown),
    "expected": PageTable("Expected orders", expected_markdown),
    "paper": PageTable("The paper beside these runs", paper_markdown),
    "steps": PageTable("From naive to PercPos in steps", steps_markdown),
    "winner": PageTable("What was found", winner_markdown),
    "optimism": PageTable("How much of the gain was selection", optimism_markdown),
    "trials": PageTable("Trials", trials_markdown, trials_files),
    "pareto": PageTable("Trade-offs", pareto_markdown),
    "importance": PageTable("What mattered", importance_markdown),
    "calibration": PageTable("Reliability of the calibrated bar", calibration_markdown),
    "frontier": PageTable("Known false negatives at equal hardness", frontier_markdown),
    "overlap": PageTable("How alike the teachers mine", overlap_markdown),
    "detail": PageTable("Detail", detail_markdown, last=True),
}

DEFAULT = ("sizes", "methods", "dev", "paper", "contrasts", "added", "expected", "steps", "calibration", "detail")
"""What the page of a study holds that names no tables, in this order."""


def study_tables(study: Study) -> dict[str, PageTable]:
    """The tables of a study in the order of its page. Raises UserError for a name that is no table."""
    return chosen(TABLES, study.plan.declaration.tables, study=study.name, what="tables", default=DEFAULT)


def table_section(table: PageTable, study: Study) -> str:
    """Heading and table; "" where there is nothing to show."""
    text = table.markdown(study, study.plan.blocks)
    return f"## {table.title}\n\n{text}" if text else ""

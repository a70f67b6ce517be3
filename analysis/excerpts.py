"""Tables inside hand-written pages: between two markers stands what the records give, never a typed number.

``<!-- table STUDY/BLOCK: begin -->`` and ``<!-- table STUDY/BLOCK: end -->`` in the README beside the results folder
and in the one inside it hold the arms of a block in short; ``STUDY/BLOCK/NAME`` holds a table of `tables/registry.py`,
that block's part of it, and ``STUDY/all/NAME`` the whole of it. ``<!-- paper: begin -->`` with its ``end`` holds which
study reproduces which table of the paper. `build` fills them in, `build --check` compares them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from analysis.arms import ArmRow, arm_rows
from analysis.chosen import chosen
from analysis.formats import DASH, Table, fixed, markdown, percent
from analysis.load import Study
from analysis.markers import GUIDE, MARKED
from analysis.report.guide import guide_table
from analysis.sources import Source
from analysis.tables.blocks import block_markdown
from analysis.tables.cells import difference_text, marks, over_text
from analysis.tables.registry import TABLES, PageTable
from experiments.errors import UserError

ALL = "all"
"""Stands for every block of a study."""


def marked_pages(source: Source, load: Callable[[str], Study]) -> dict[Path, bytes]:
    """Every page with markers, and what it should hold. Empty for an artifact store, which has no such pages.

    load: a study by its name.
    """
    if source.is_store:
        return {}
    root = source.root.resolve()
    pages = (root.parent / "README.md", root / "README.md")
    texts = {page: filled(page.read_text(encoding="utf-8"), load) for page in pages if page.is_file()}
    return {page: guided(text, root, page.parent).encode() for page, text in texts.items()}


def guided(text: str, results: Path, page: Path) -> str:
    """`text` with the table of studies made anew where it is marked. page: the folder of the page."""
    if not GUIDE.search(text):
        return text
    table = guide_table(results, page=page)
    return GUIDE.sub(lambda found: f"{found['begin']}{table}{found['end']}", text)


def filled(text: str, load: Callable[[str], Study]) -> str:
    """`text` with every marked table made anew. Raises UserError for a study, block or table that is not there."""
    studies = {name: load(name) for name in sorted({found["study"] for found in MARKED.finditer(text)})}
    return MARKED.sub(lambda found: f"{found['begin']}{_inside(studies[found['study']], found)}{found['end']}", text)


def _inside(study: Study, found: re.Match[str]) -> str:
    block, table = found["block"], found["table"]
    if block == ALL and table is not None:
        return _named(study, table).markdown(study, study.plan.blocks)
    if block not in study.plan.blocks:
        blocks = ", ".join(study.plan.blocks)
        raise UserError(f"a page asks for table {study.name}/{block}, but {study.name} has blocks {blocks}")
    if not study.started(block):
        return block_markdown(study, block)
    if table is None:
        return short_table(study, block)
    return _named(study, table).markdown(study, [block])


def _named(study: Study, table: str) -> PageTable:
    [named] = chosen(TABLES, (table,), study=study.name, what="tables", default=()).values()
    return named


def short_table(study: Study, block: str) -> str:
    """Arm, score, difference to the baseline, known false negatives, hardness, yield; marks where an arm has one.

    Arms of which no run has finished are left to the study's page.
    """
    baseline = study.plan.declaration.baseline_name
    names = ("arm", "nDCG@10", f"difference to {baseline} [95%]", "interval over", "known false negatives")
    header = (*names, "above own positive", "mean cosine", "yield", "marks")
    rows = tuple(_cells(row, baseline) for row in arm_rows(study, block) if row.seeds)
    width = len(header) if any(row[-1] for row in rows) else len(header) - 1
    return markdown(Table(header[:width], tuple(row[:width] for row in rows)))


def _cells(row: ArmRow, baseline: str) -> tuple[str, ...]:
    return (
        row.arm,
        fixed(row.mean, 4),
        "baseline" if row.arm == baseline else difference_text(row.difference),
        over_text(row.difference),
        DASH if row.known_false is None else percent(row.known_false.rate),
        percent(row.hardness.above),
        fixed(row.cosine, 2),
        percent(row.yield_),
        marks(row),
    )

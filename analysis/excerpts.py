"""Tables inside hand-written pages: between two markers stands what the records give, never a typed number.

``<!-- table STUDY/BLOCK: begin -->`` and ``<!-- table STUDY/BLOCK: end -->`` in the README beside the results folder
and in the one inside it. `build` fills them in, `build --check` compares them.
"""

from __future__ import annotations

import re
from pathlib import Path

from analysis.arms import ArmRow, arm_rows
from analysis.formats import DASH, Table, fixed, markdown, percent
from analysis.load import load_study
from analysis.sources import Source
from analysis.tables.blocks import block_markdown
from analysis.tables.methods import difference_text, marks, over_text
from experiments.errors import UserError

MARKED = re.compile(
    r"(?P<begin><!-- table (?P<study>[\w.-]+)/(?P<block>[\w.-]+): begin -->\n).*?"
    r"(?P<end><!-- table (?P=study)/(?P=block): end -->)",
    re.DOTALL,
)


def marked_pages(source: Source) -> dict[Path, bytes]:
    """Every page with markers, and what it should hold. Empty for an artifact store, which has no such pages."""
    if source.is_store:
        return {}
    pages = (source.root.resolve().parent / "README.md", source.root / "README.md")
    return {page: filled(page.read_text(encoding="utf-8"), source).encode() for page in pages if page.is_file()}


def filled(text: str, source: Source) -> str:
    """`text` with every marked table made anew. Raises UserError for a study or block that is not there."""
    return MARKED.sub(
        lambda found: found["begin"] + short_table(source, found["study"], found["block"]) + found["end"], text
    )


def short_table(source: Source, name: str, block: str) -> str:
    """Arm, score, difference to the baseline, known false negatives, yield."""
    study = load_study(source, name)
    if block not in study.plan.blocks:
        raise UserError(f"a page asks for table {name}/{block}, but {name} has blocks {', '.join(study.plan.blocks)}")
    if not study.started(block):
        return block_markdown(study, block)
    baseline = study.plan.declaration.baseline_name
    header = (
        "arm",
        "nDCG@10",
        f"difference to {baseline} [95%]",
        "interval over",
        "known false negatives",
        "yield",
        "",
    )
    return markdown(Table(header, tuple(_cells(row, baseline) for row in arm_rows(study, block))))


def _cells(row: ArmRow, baseline: str) -> tuple[str, ...]:
    return (
        row.arm,
        fixed(row.mean, 4),
        "baseline" if row.arm == baseline else difference_text(row.difference),
        DASH if row.difference is None else over_text(row.difference),
        DASH if row.known_false is None else percent(row.known_false.rate),
        percent(row.yield_),
        marks(row),
    )

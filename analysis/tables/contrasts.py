"""The primary contrasts of a study."""

from __future__ import annotations

from analysis.compare import ContrastResult, primary_contrasts, verdict
from analysis.formats import DASH, Table, p_text
from analysis.grouped import GroupedResult, grouped_contrasts
from analysis.load import Study
from analysis.stats import equivalence_p
from analysis.tables.methods import difference_text, over_text

HEADER = (
    "contrast",
    "block",
    "on",
    "difference [95%]",
    "interval over",
    "p",
    "p (Holm)",
    "p (equivalence)",
    "verdict",
)


def contrasts_table(study: Study) -> Table:
    """The primary contrasts with Holm's p over the whole family; where queries have groups, also by group."""
    rows = tuple(_contrast_cells(study, result) for result in primary_contrasts(study))
    by_group = grouped_contrasts(study)
    if not any(by_group):
        return Table(HEADER, rows, left=3)
    header = _beside(HEADER, ("by group [95%]", "p (Holm) by group"))
    cells = (_beside(row, _group_cells(found)) for row, found in zip(rows, by_group, strict=True))
    return Table(header, tuple(cells), left=3)


def _beside(row: tuple[str, ...], by_group: tuple[str, str]) -> tuple[str, ...]:
    """The interval by group after the difference, its p after Holm's."""
    return (*row[:4], by_group[0], *row[4:7], by_group[1], *row[7:])


def _group_cells(found: GroupedResult | None) -> tuple[str, str]:
    return (DASH, DASH) if found is None else (difference_text(found.difference), p_text(found.p_holm))


def _contrast_cells(study: Study, result: ContrastResult) -> tuple[str, ...]:
    names = (
        f"{result.contrast.name}: {result.contrast.arm} − {result.contrast.baseline}",
        result.block,
        ", ".join(result.tasks) or DASH,
    )
    d, margin = result.difference, study.plan.declaration.margin
    if d is None:
        return (*names, *([DASH] * 6))
    equivalence = DASH if margin is None else p_text(equivalence_p(d, margin))
    shown = verdict(d, margin, p=result.p_holm)
    return (*names, difference_text(d), over_text(d), p_text(d.p), p_text(result.p_holm), equivalence, shown)

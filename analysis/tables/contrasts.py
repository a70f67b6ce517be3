"""The primary contrasts of a study."""

from __future__ import annotations

from analysis.compare import ContrastResult, primary_contrasts, verdict
from analysis.load import Study
from analysis.stats import equivalence_p
from analysis.tables.formats import DASH, Table, p_text
from analysis.tables.methods import difference_text, over_text


def contrasts_table(study: Study) -> Table:
    """The primary contrasts with Holm's p over the whole family."""
    header = (
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
    return Table(header, tuple(_contrast_cells(study, result) for result in primary_contrasts(study)), left=3)


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

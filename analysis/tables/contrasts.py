"""The primary contrasts of a study, and those added after runs were seen."""

from __future__ import annotations

from collections.abc import Sequence

from analysis.compare import ContrastResult, added_contrasts, equivalence, primary_contrasts, verdict
from analysis.formats import DASH, Table, markdown, p_text
from analysis.grouped import GroupedResult, by_group, group_lines, grouped_contrasts
from analysis.load import Study
from analysis.stats import Difference, equivalence_p
from analysis.tables.cells import difference_text, over_text

PRIMARY_NOTE = "The declared family, as plan.json holds it; Holm over all its lines, one that is missing with p = 1."
UNADJUSTED_NOTE = " p (equivalence), and with it a verdict of equivalent, is not adjusted for the family."
ADDED_NOTE = "Added after runs were seen, and in no family: no p is adjusted."
MARGIN_NOTE = " Not equivalent: the whole interval lies outside the margin; undecided: the runs can show neither."
GROUPS_NOTE = (
    "By group: cluster-robust, for queries of one group (one article, one source file) need not be independent;\n"
    "p (equivalence) and verdict take them to be."
)


def contrasts_markdown(study: Study, blocks: Sequence[str]) -> str:
    """The primary contrasts in these blocks, Holm over the whole family, in all blocks; "" where none is declared."""
    results = primary_contrasts(study)
    table = _table(study, blocks, results, grouped_contrasts(study), holm=True)
    if not table.rows:
        return ""
    groups = group_lines(study)
    lines = f"\n{GROUPS_NOTE}\n\n{''.join(f'- {line}' + chr(10) for line in groups)}" if groups else ""
    return f"{markdown(table)}\n{PRIMARY_NOTE}{_margin_note(study, UNADJUSTED_NOTE)}\n{lines}"


def added_markdown(study: Study, blocks: Sequence[str]) -> str:
    """The added contrasts in these blocks, as far as both arms have run; "" where there is none."""
    results = [result for result in added_contrasts(study) if result.difference is not None]
    found = [by_group(study, result) for result in results]
    grouped = [None if d is None else GroupedResult(d, d.p) for d in found]
    table = _table(study, blocks, results, grouped, holm=False)
    return f"{markdown(table)}\n{ADDED_NOTE}{_margin_note(study)}\n" if table.rows else ""


def _margin_note(study: Study, before: str = "") -> str:
    return "" if study.plan.declaration.margin is None else f"{before}{MARGIN_NOTE}"


def _table(
    study: Study,
    blocks: Sequence[str],
    results: Sequence[ContrastResult],
    grouped: Sequence[GroupedResult | None],
    *,
    holm: bool,
) -> Table:
    """Columns about Holm, groups and the margin only where there is any."""
    margin, with_groups = study.plan.declaration.margin, any(grouped)
    cells = [
        {
            "contrast": f"{result.contrast.name}: {result.contrast.arm} − {result.contrast.baseline}",
            "block": result.block,
            "on": ", ".join(result.tasks) or DASH,
            "difference [95%]": difference_text(result.difference),
            **({"by group [95%]": DASH if found is None else difference_text(found.difference)} if with_groups else {}),
            "interval over": over_text(result.difference),
            "p": p_text(None if result.difference is None else result.difference.p),
            **({"p (Holm)": p_text(result.p_holm)} if holm else {}),
            **({_by_group_name(holm): DASH if found is None else p_text(found.p_holm)} if with_groups else {}),
            **({} if margin is None else _margin_cells(result.difference, margin)),
            "verdict": DASH if result.difference is None else verdict(result.difference, margin, p=result.p_holm),
        }
        for result, found in zip(results, grouped, strict=True)
    ]
    header = tuple(cells[0]) if cells else ()
    return Table(header, tuple(tuple(row.values()) for row in cells if row["block"] in blocks), left=3)


def _by_group_name(holm: bool) -> str:
    return "p (Holm) by group" if holm else "p by group"


def _margin_cells(difference: Difference | None, margin: float) -> dict[str, str]:
    p, shown = (
        (DASH, DASH)
        if difference is None
        else (p_text(equivalence_p(difference, margin)), equivalence(difference, margin))
    )
    return {"p (equivalence)": p, f"within ±{margin:g}": shown}

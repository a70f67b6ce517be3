"""Every arm's difference to the baseline, one panel per block."""

from __future__ import annotations

from functools import partial

from analysis.arms import ArmRow, arm_rows
from analysis.figures.rows import Panel, Row, draw_panels
from analysis.figures.style import BLACK, Figure, look
from analysis.figures.titles import block_title
from analysis.load import Study


def forest_figure(study: Study) -> Figure | None:
    """None where no difference can be had yet."""
    panels = [panel for block in study.plan.blocks if (panel := _panel(study, block)) is not None]
    if not panels:
        return None
    baseline, margin = study.plan.declaration.baseline_name, study.plan.declaration.margin
    drawing = partial(draw_panels, panels, axis=f"nDCG@10, difference to {baseline}", margin=margin)
    band = "" if margin is None else f" The grey band is the declared equivalence margin, ±{margin:g}."
    return Figure(
        name="methods",
        title=f"Differences of every arm to {baseline}",
        caption=f"Paired differences in nDCG@10 to {baseline} with 95% intervals (over seeds unless labelled).{band}",
        drawing=drawing,
    )


def _panel(study: Study, block: str) -> Panel | None:
    rows = [row for row in arm_rows(study, block) if row.arm != study.plan.declaration.baseline_name]
    if all(row.difference is None for row in rows):
        return None
    title = block_title(study, block)
    return Panel(title, tuple(_row(study, row) for row in rows))


def _row(study: Study, row: ArmRow) -> Row:
    runs = list(study.cell(row.block, row.arm).values())
    if not runs or runs[0].deterministic:
        return Row(row.arm, row.difference, BLACK, "x")
    drawn = look(runs[0].config.miner.kind)
    collapsed = " (collapsed)" if row.collapsed else ""
    return Row(row.arm + collapsed, row.difference, drawn.colour, drawn.marker)

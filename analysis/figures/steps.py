"""The way from naive to PercPos in steps, drawn."""

from __future__ import annotations

from functools import partial

from analysis.figures.rows import Panel, Row, draw_panels
from analysis.figures.style import BLUE, ORANGE, RED, SKY, Figure
from analysis.figures.titles import block_title
from analysis.load import Study
from analysis.steps import STEPS, FoundStep, found_steps, steps_note

DRAWN = dict(
    zip(
        [step.name for step in STEPS],
        [(ORANGE, "s"), (SKY, "D"), (SKY, "o"), (SKY, "o"), (BLUE, "^"), (BLUE, "o"), (BLUE, "o"), (RED, "v")],
        strict=True,
    )
)
"""Step -> (colour, marker)."""


def steps_figure(study: Study) -> Figure | None:
    """None unless some block has the whole way."""
    found = {block: steps for block in study.plan.blocks if (steps := found_steps(study, block))}
    if not found:
        return None
    panels = [_panel(study, block, steps) for block, steps in found.items()]
    note = steps_note(step for steps in found.values() for step in steps)
    caption = (
        f"What makes positive-aware mining win, in steps. {note} Steps add up to the whole where all arms have "
        "the same seeds; intervals are 95%, each for itself."
    )
    drawing = partial(draw_panels, panels, axis="change in nDCG@10")
    return Figure("steps", "The way from naive to PercPos in steps", caption, drawing)


def _panel(study: Study, block: str, found: tuple[FoundStep, ...]) -> Panel:
    rows = [Row(one.step.name, one.difference, *DRAWN[one.step.name], one.step.rank) for one in found]
    return Panel(block_title(study, block), tuple(rows))

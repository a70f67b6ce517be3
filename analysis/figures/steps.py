"""The way from naive to PercPos in steps, drawn."""

from __future__ import annotations

from analysis.compare import difference_tasks
from analysis.figures.rows import Panel, Row, draw_panels
from analysis.figures.style import BLUE, ORANGE, RED, SKY, Figure
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
    svg = draw_panels(panels, axis="change in nDCG@10")
    return Figure("steps", "The way from naive to PercPos in steps", caption, svg)


def _panel(study: Study, block: str, found: tuple[FoundStep, ...]) -> Panel:
    rows = [Row(one.step.name, one.difference, *DRAWN[one.step.name], one.step.rank) for one in found]
    return Panel(f"{block} ({', '.join(difference_tasks(study, block))})", tuple(rows))

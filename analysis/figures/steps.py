"""The way from naive to PercPos in steps, each a paired difference between two arms."""

from __future__ import annotations

from dataclasses import dataclass

from analysis.compare import compare_arms, difference_tasks
from analysis.figures.rows import Panel, Rank, Row, draw_panels
from analysis.figures.style import BLUE, ORANGE, RED, SKY, Figure
from analysis.load import Study
from analysis.roles import find_arm


@dataclass(frozen=True)
class Part:
    """An arm by what it does: miner kind, share of hidden positives revealed, whether on the rows PercPos keeps."""

    kind: str
    reveal: float = 0.0
    common: bool = False


NAIVE, PERCPOS = Part("naive_topk"), Part("topk_percpos")
SAME_ROWS, CLEANED = Part("naive_topk", common=True), Part("naive_topk", reveal=1.0, common=True)
PERCPOS_CLEANED = Part("topk_percpos", reveal=1.0)

STEPS: tuple[tuple[str, Part, Part, str, str, Rank], ...] = (
    ("rows dropped", NAIVE, SAME_ROWS, ORANGE, "s", "row"),
    ("known false negatives removed", SAME_ROWS, CLEANED, SKY, "D", "row"),
    ("the rest", CLEANED, PERCPOS, BLUE, "^", "row"),
    ("of it: softer negatives", CLEANED, PERCPOS_CLEANED, BLUE, "o", "part"),
    ("of it: PercPos's own known false negatives", PERCPOS_CLEANED, PERCPOS, BLUE, "o", "part"),
    ("all: naive to PercPos", NAIVE, PERCPOS, RED, "v", "total"),
)
"""label, from, to, colour, marker, rank. The first three add up to the last; the two "of it" to the third."""


def steps_figure(study: Study) -> Figure | None:
    """None unless some block has the whole way."""
    panels = [panel for block in study.plan.blocks if (panel := _panel(study, block)) is not None]
    if not panels:
        return None
    caption = (
        "What makes positive-aware mining win, in steps. Rows dropped: naive on its own rows against naive on "
        "the rows that "
        "PercPos keeps. Known false negatives removed: the same with every hidden judged positive excluded "
        "before mining. The "
        "rest: from there to PercPos, which takes softer negatives but keeps known false ones of its own. With "
        "hidden positives excluded PercPos may keep a few rows more, and so may naive on its rows. Steps add up to the "
        "whole where all arms have the same seeds; intervals are 95%, each for itself."
    )
    svg = draw_panels(panels, axis="change in nDCG@10")
    return Figure("steps", "The way from naive to PercPos in steps", caption, svg)


def _panel(study: Study, block: str) -> Panel | None:
    needed = {part: _arm(study, block, part) for part in (NAIVE, SAME_ROWS, CLEANED, PERCPOS, PERCPOS_CLEANED)}
    if any(needed[part] is None for part in (NAIVE, SAME_ROWS, CLEANED, PERCPOS)):
        return None
    tasks = difference_tasks(study, block)
    rows = [
        Row(label, compare_arms(study, block, end, start, tasks), colour, marker, rank)
        for label, before, after, colour, marker, rank in STEPS
        if (start := needed[before]) is not None and (end := needed[after]) is not None
    ]
    return Panel(f"{block} ({', '.join(tasks)})", tuple(rows))


def _arm(study: Study, block: str, part: Part) -> str | None:
    return find_arm(study, block, kind=part.kind, reveal=part.reveal, common=part.common)

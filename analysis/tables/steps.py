"""The way from naive mining to PercPos in steps: how much of it each one makes up."""

from __future__ import annotations

from collections.abc import Sequence

from analysis.compare import equivalence
from analysis.formats import DASH, Table, markdown, share_text
from analysis.load import Study
from analysis.steps import FoundStep, found_steps, steps_note
from analysis.tables.cells import difference_text, over_text

SHARES_NOTE = (
    "Share: the step over the whole way, both on the seeds that all arms have, with Fieller's 95% interval: every "
    "share that the interval of the differences does not reject; a dash where the whole way is not clear of zero."
)


def steps_markdown(study: Study, blocks: Sequence[str]) -> str:
    """One table over the blocks that have the whole way, and what the steps are; "" without one."""
    found = [(block, step) for block in blocks for step in found_steps(study, block)]
    if not found:
        return ""
    margin = study.plan.declaration.margin
    null = () if margin is None else (f"within ±{margin:g}",)
    header = ("block", "step", "from", "to", "difference [95%]", "interval over", "share of the whole [95%]", *null)
    rows = tuple((block, *_cells(step, margin)) for block, step in found)
    note = steps_note(step for _, step in found)
    return f"{markdown(Table(header, rows, left=4))}\n{note}\n\n{SHARES_NOTE}\n"


def _cells(found: FoundStep, margin: float | None) -> tuple[str, ...]:
    d = found.difference
    null = () if margin is None else (DASH if d is None else equivalence(d, margin),)
    share = DASH if found.share is None else share_text(found.share.mean, found.share.low, found.share.high)
    over = DASH if d is None else over_text(d)
    return found.step.name, found.before, found.after, difference_text(d), over, share, *null

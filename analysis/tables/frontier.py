"""Known false negatives of each method at equal hardness: at that of TopK-PercPos at the paper's value."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from analysis.arms import KnownFalse
from analysis.formats import DASH, Table, fixed, markdown
from analysis.layouts import Layout
from analysis.load import Study
from analysis.roles import optimum
from analysis.tables.cells import known_text
from analysis.tables.layout import mined_layouts
from experiments.miners.methods import METHODS

REFERENCE = "topk_percpos"
OTHERS = ("topk_marginpos", "topk_abs", "topk_shifted")
BARE = "naive_topk"
"""What every method is without its bar: the hard end of every curve."""
NOTE = (
    "Hardness: mean score gap to the row's positive, in the teacher's own unit, of what a method mines. Each method's "
    "rate is read off its curve at the gap of PercPos at the paper's value, in a straight line between the two values "
    "next to it (naive mining, which every method is without its bar, ends each curve); a dash where the curve does "
    "not get there with a tenth of the rows kept. Apart: methods whose Wilson interval lies wholly below or above "
    "PercPos's. The intervals take negatives to be independent, which those of one query are not, and methods drop "
    "different rows."
)


def frontier_markdown(study: Study, blocks: Sequence[str]) -> str:
    """A row a block that holds PercPos at the paper's value; "" where none does."""
    rows = tuple(row for block in blocks for row in _rows(block, mined_layouts(study, block)))
    others = [METHODS[kind].label for kind in OTHERS]
    header = ("block", "gap", METHODS[REFERENCE].label, *others, "apart, below", "apart, above")
    return f"{markdown(Table(header, rows))}\n{NOTE}\n" if rows else ""


def _rows(block: str, found: Sequence[Layout]) -> Iterator[tuple[str, ...]]:
    """One, or none without the reference."""
    for own in found:
        gap = own.hardness.gap
        if own.kind != REFERENCE or own.value != optimum(REFERENCE) or gap is None or not own.mined:
            continue
        reference = KnownFalse(own.known, own.mined)
        there = {kind: rate_at([p for p in found if p.kind in (kind, BARE)], gap) for kind in OTHERS}
        below = [METHODS[kind].label for kind, rate in there.items() if rate and _apart(rate, reference)]
        above = [METHODS[kind].label for kind, rate in there.items() if rate and _apart(reference, rate)]
        rates = [known_text(rate) if rate else DASH for rate in there.values()]
        yield block, fixed(gap, 4), known_text(reference), *rates, ", ".join(below) or DASH, ", ".join(above) or DASH


def rate_at(curve: Sequence[Layout], at: float) -> KnownFalse | None:
    """Known false negatives of a method at a gap, between its two values next to it; None beyond its ends.

    Its ends are its hardest and its softest value that keep enough rows.

    As counts, rounded, of as many mined ones as lie on the line between those of the two.
    """
    ranked = ((p.hardness.gap, p) for p in curve if p.mined and p.enough)
    points = sorted((gap, p.known / p.mined, p.mined) for gap, p in ranked if gap is not None)
    for (left, rate, mined), (right, other, more) in pairwise(points):
        if left <= at <= right:
            share = (at - left) / (right - left) if right > left else 0.0
            count = round(mined + share * (more - mined))
            return KnownFalse(round((rate + share * (other - rate)) * count), count)
    return None


def _apart(lower: KnownFalse, higher: KnownFalse) -> bool:
    return lower.interval[1] < higher.interval[0]

"""Known false negatives of each method at equal hardness: at that of TopK-PercPos at the paper's value."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from analysis.arms import KnownFalse
from analysis.formats import DASH, Table, fixed, markdown
from analysis.layouts import Layout, mined_layouts
from analysis.load import Study
from analysis.roles import optimum
from analysis.tables.cells import known_text
from experiments.miners.methods import METHODS

REFERENCE = "topk_percpos"
OTHERS = ("topk_marginpos", "topk_abs", "topk_shifted")
BARE = "naive_topk"
"""What every method is without its bar: the hard end of every curve."""
NOTE = (
    "Hardness: mean score gap to the row's positive, in the teacher's own unit, of what a method mines. Each method's "
    "rate is read off its curve at the gap of PercPos at the paper's value, between the two values whose gaps are next "
    "to it, in a straight line of logarithms (half a negative is added to each count; naive mining, which every method "
    "is without its bar, ends each curve); a dash where the curve does not get there with a tenth of the rows kept. "
    "Apart: methods whose Wilson interval lies wholly below or above PercPos's. The intervals take negatives to be "
    "independent, which those of one query are not, and methods drop different rows: kept, in the order of the columns."
)


@dataclass(frozen=True)
class Read:
    """A method at a gap: its known false negatives, and the share of the rows that it keeps."""

    known: KnownFalse
    kept: float


def frontier_markdown(study: Study, blocks: Sequence[str]) -> str:
    """A row a block that holds PercPos at the paper's value; "" where none does."""
    rows = tuple(row for block in blocks for row in _rows(block, mined_layouts(study, block)))
    labels = [METHODS[kind].label for kind in (REFERENCE, *OTHERS)]
    header = ("block", "gap", *labels, "rows kept", "apart, below", "apart, above")
    return f"{markdown(Table(header, rows))}\n{NOTE}\n" if rows else ""


def _rows(block: str, found: Sequence[Layout]) -> Iterator[tuple[str, ...]]:
    """One a setting of the block that holds the reference."""
    for own in found:
        gap = own.hardness.gap
        if own.kind != REFERENCE or own.value != optimum(REFERENCE) or gap is None or not own.mined:
            continue
        reference = Read(KnownFalse(own.known, own.mined), own.kept / own.rows)
        alike = [point for point in found if point.setting == own.setting]
        there = {kind: read_at([p for p in alike if p.kind in (kind, BARE)], gap) for kind in OTHERS}
        below = [METHODS[kind].label for kind, read in there.items() if read and _apart(read, reference)]
        above = [METHODS[kind].label for kind, read in there.items() if read and _apart(reference, read)]
        reads = (reference, *there.values())
        kept = ", ".join(f"{read.kept:.0%}" if read else DASH for read in reads)
        rates = [known_text(read.known) if read else DASH for read in reads]
        yield block, fixed(gap, 4), *rates, kept, ", ".join(below) or DASH, ", ".join(above) or DASH


def read_at(curve: Sequence[Layout], at: float) -> Read | None:
    """A method at a gap, between the two of its points whose gaps are next to it; None beyond its ends.

    Its ends are its hardest and its softest point that keep enough rows. The false negatives are given as counts of as
    many mined ones as lie on the line between those of the two, rounded.
    """
    ranked = ((p.hardness.gap, p) for p in curve if p.mined and p.enough)
    points = sorted((gap, _log_rate(p), p.mined, p.kept / p.rows) for gap, p in ranked if gap is not None)
    for (left, *low), (right, *high) in pairwise(points):
        if left <= at <= right:
            share = (at - left) / (right - left) if right > left else 0.0
            rate, mined, kept = (a + share * (b - a) for a, b in zip(low, high, strict=True))
            count = round(mined)
            return Read(KnownFalse(max(round(math.exp(rate) * (count + 1) - 0.5), 0), count), kept)
    return None


def _log_rate(point: Layout) -> float:
    return math.log((point.known + 0.5) / (point.mined + 1))


def _apart(lower: Read, higher: Read) -> bool:
    return lower.known.interval[1] < higher.known.interval[0]

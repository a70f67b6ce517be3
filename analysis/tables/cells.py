"""Texts of single cells: differences, what an interval covers, what was mined, marks."""

from __future__ import annotations

from analysis.arms import ArmRow, KnownFalse
from analysis.formats import DASH, fixed, interval, p_text, percent, signed
from analysis.stats import Difference


def difference_text(difference: Difference | None) -> str:
    """Mean and interval, or a dash."""
    return DASH if difference is None else interval(difference.mean, difference.low, difference.high)


def over_text(difference: Difference | None) -> str:
    """What the interval covers, with the number of seeds; a dash without one."""
    if difference is None:
        return DASH
    seeds = difference.components.seeds
    return difference.over if seeds == 1 else f"{seeds} seeds and queries"


def seeds_text(row: ArmRow) -> str:
    """How many seeds have finished, and of how many where some are missing."""
    return str(row.seeds) if row.seeds == row.planned else f"{row.seeds} of {row.planned}"


def adjusted_p_text(row: ArmRow) -> str:
    """Holm's p, said to be his, for a declared contrast; else the unadjusted one."""
    if row.p_holm is not None:
        return f"{p_text(row.p_holm)} (Holm)"
    return DASH if row.difference is None else p_text(row.difference.p)


def mined_texts(row: ArmRow) -> tuple[str, ...]:
    """Known false negatives, share above the own positive, mean gap, mean rank."""
    found = row.hardness
    gap = DASH if found.gap is None else signed(found.gap)
    return known_text(row.known_false), percent(found.above), gap, fixed(found.rank, 1)


def known_text(known: KnownFalse | None) -> str:
    """Rate with Wilson's interval, or a dash."""
    if known is None:
        return DASH
    low, high = known.interval
    return f"{percent(known.rate)} [{100 * low:.1f}, {100 * high:.1f}]"


def marks(row: ArmRow) -> str:
    """What a reader must not overlook: extra information, below the untrained base, collapsed, leaks, outdated."""
    found = ["told hidden positives of training queries"] if row.told else []
    if row.below_base:
        found.append("below its untrained base")
    if row.collapsed:
        found.append(f"collapsed in {row.collapsed} of {row.seeds} seeds")
    if row.leaking:
        found.append(f"trained on {row.leaking} texts like evaluated queries")
    if row.outdated:
        found.append("outdated" if row.outdated == row.seeds else f"outdated in {row.outdated} of {row.seeds} seeds")
    return ", ".join(found)

"""Ranges of positions, cut into pieces of one size."""

from __future__ import annotations


def slices(count: int, step: int) -> list[slice]:
    """Consecutive slices of 0 to `count`, each of `step` or, the last, fewer; of one where `step` is below 1."""
    step = max(1, step)
    return [slice(start, min(start + step, count)) for start in range(0, count, step)]

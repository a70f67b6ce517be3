"""How many rows are handled at a time."""

from __future__ import annotations

from collections.abc import Iterator

CHUNK_CELLS = 1 << 22
"""(row, candidate) cells handled at a time, which bounds the working memory."""


def chunks(rows: int, width: int) -> Iterator[slice]:
    """Slices of `rows` rows that hold at most CHUNK_CELLS cells of `width` columns."""
    step = max(1, CHUNK_CELLS // max(1, width))
    return (slice(start, start + step) for start in range(0, rows, step))

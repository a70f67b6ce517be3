"""How many rows are handled at a time."""

from __future__ import annotations

from experiments.slices import slices

CHUNK_CELLS = 1 << 22
"""(row, candidate) cells handled at a time, which bounds the working memory."""


def chunks(rows: int, width: int) -> list[slice]:
    """Slices of `rows` rows that hold at most CHUNK_CELLS cells of `width` columns."""
    return slices(rows, CHUNK_CELLS // max(1, width))

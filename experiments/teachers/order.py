"""The order of a ranking: score descending, equal scores in corpus order."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from experiments.ir import Positions, Scores
from experiments.slices import slices

ZERO_BELOW = np.int32(-(1 << 31))
"""The bits of the float32 -0.0, which equals 0.0."""
CHUNK_SCORES = 1 << 24
"""Scores held at once: 64 MiB of float32."""


def top_k(scores: Scores, k: int) -> Positions:
    """Columns of the k highest of each row of (Q, N), best first, equal ones in column order: (Q, k) int32, k <= N."""
    rows, width = scores.shape
    if k == 0 or rows == 0:
        return np.empty((rows, k), dtype=np.int32)
    bar = np.partition(scores, width - k, axis=1)[:, width - k, None]
    above, at = scores > bar, scores == bar
    room = k - np.count_nonzero(above, axis=1)[:, None]
    chosen = above | (at & (np.cumsum(at, axis=1, dtype=np.int32) <= room))
    columns = np.nonzero(chosen)[1].reshape(rows, k).astype(np.int32)
    return order_rows(columns, np.take_along_axis(scores, columns, axis=1))[0]


def order_rows(document: Positions, score: Scores) -> tuple[Positions, Scores]:
    """Each row of (Q, K) sorted by score descending, then document ascending."""
    if np.isnan(score).any() or zeros_below(score).any():
        order = np.lexsort((document, -score), axis=1)
        return np.take_along_axis(document, order, axis=1), np.take_along_axis(score, order, axis=1)
    key = sort_keys(document, score)
    key.sort(axis=1)
    return read_keys(key)


def zeros_below(score: Scores) -> npt.NDArray[np.bool_]:
    """Where a score is -0.0, which equals 0.0 and has a key of its own."""
    return np.asarray(score.view(np.int32) == ZERO_BELOW)


def sort_keys(document: Positions, score: Scores) -> npt.NDArray[np.int64]:
    """Integers in the order of score descending, then document ascending; no score is NaN or -0.0.

    The bits of floats, as integers, stand in the floats' order once those of negative ones are turned around.
    """
    bits = score.view(np.int32)
    return np.where(bits >= 0, ~bits, bits & ~ZERO_BELOW).astype(np.int64) << 32 | document


def read_keys(key: npt.NDArray[np.int64]) -> tuple[Positions, Scores]:
    """The documents and the scores of `sort_keys`."""
    bits = (key >> 32).astype(np.int32)
    return key.astype(np.int32), np.where(bits < 0, ~bits, bits | ZERO_BELOW).view(np.float32)


def chunks(rows: int, width: int) -> list[slice]:
    """Slices of `rows` such that a chunk of rows x width scores stays within CHUNK_SCORES."""
    return slices(rows, CHUNK_SCORES // max(1, width))

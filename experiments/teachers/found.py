"""The k best of each query, out of pairs that hold them and the pairs' scores."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from experiments.ir import Positions, Scores
from experiments.teachers.halves import Net
from experiments.teachers.order import read_keys, sort_keys, zeros_below

BEHIND = np.iinfo(np.int64).max
"""A key behind those of all documents, where a row is short."""


@dataclass(frozen=True)
class Found:
    """The rows of a ranking, filled chunk by chunk: document, score (Q, k); open (Q,), True where not filled."""

    document: Positions
    score: Scores
    open: npt.NDArray[np.bool_]

    @staticmethod
    def empty(queries: int, k: int) -> Found:
        """Nothing is filled."""
        document, score = np.empty((queries, k), dtype=np.int32), np.empty((queries, k), dtype=np.float32)
        return Found(document, score, np.ones(queries, dtype=np.bool_))

    def fill(self, chunk: slice, net: Net, score: Scores) -> None:
        """The best of what a net holds for the chunk's queries, given the scores of its pairs (P,)."""
        is_open = net.open.copy()
        is_open[net.query[zeros_below(score)]] = True
        key = sort_keys(net.document.astype(np.int32), score)
        rows = grid(net, key, BEHIND)
        rows.sort(axis=1)
        closed, k = np.flatnonzero(~is_open), self.document.shape[1]
        self.document[chunk.start + closed], self.score[chunk.start + closed] = read_keys(rows[closed, :k])
        self.open[chunk] = is_open


def grid(net: Net, values: npt.NDArray[np.int64], missing: int) -> npt.NDArray[np.int64]:
    """Each query's values in a row (q, W), in the order of the pairs, filled up with what is missing."""
    order = np.argsort(net.query.astype(np.uint16), kind="stable")  # 16 bits are sorted by counting
    count = np.bincount(net.query, minlength=len(net.open))
    width = max(1, int(count.max(initial=0)))
    shift = np.arange(len(count)) * width - (np.cumsum(count) - count)
    rows = np.full(len(count) * width, missing)
    rows[np.arange(len(order)) + np.repeat(shift, count)] = values[order]
    return rows.reshape(len(count), width)

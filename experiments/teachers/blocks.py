"""Inner products on a device, in blocks of documents: a proposal of the best, and the exact scores of pairs.

What is held at once is bounded by `Room`, whatever the size of the corpus: a block of documents is moved to the device
once, and every chunk of queries is held against it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from experiments.ir import Positions, Scores
from experiments.slices import slices
from experiments.teachers.pairs import round_sums

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Room:
    """Numbers held at once: of a block of documents, a matrix of scores (float32), pairs of vectors (float64).

    rows: of how many queries the pairs are listed at once.
    """

    block: int
    scores: int
    pairs: int
    rows: int = 1 << 16


CPU = Room(block=1 << 26, scores=1 << 24, pairs=1 << 22)
"""256 MiB, 64 MiB and 32 MiB a side."""
CUDA = Room(block=1 << 28, scores=1 << 27, pairs=1 << 25)
"""1 GiB, 512 MiB and 256 MiB a side."""


def room_on(device: str) -> Room:
    """What a search may hold on a torch device."""
    return CUDA if device.startswith("cuda") else CPU


def propose_blocks(
    queries: Scores, documents: Scores, k: int, *, device: str, room: Room | None = None
) -> tuple[Positions, Scores]:
    """Some k documents of highest inner product (Q, k), 1 <= k <= N, unordered, and their scores in float32.

    The best of each block are merged with the best so far, so no document that belongs to the first k is lost; which of
    several equal ones stand at the k-th place is left open.
    """
    import torch

    room = room or room_on(device)
    best = np.full((len(queries), k), -np.inf, dtype=np.float32)
    document = np.zeros((len(queries), k), dtype=np.int32)
    for start, block in _blocks(documents, room.block):
        right = _on(block, device).T
        for chunk in slices(len(queries), room.scores // len(block)):
            found = torch.topk(_on(queries[chunk], device) @ right, min(k, len(block)), dim=1)
            values = torch.cat([_on(best[chunk], device), found.values], dim=1)
            places = torch.cat([_on(document[chunk], device), found.indices.int() + start], dim=1)
            merged = torch.topk(values, k, dim=1)
            best[chunk] = merged.values.cpu().numpy()
            document[chunk] = places.gather(1, merged.indices).cpu().numpy()
    return document, best


def score_grid_on(
    queries: Scores,
    documents: Scores,
    document: Positions,
    *,
    device: str,
    rounding: float,
    room: Room | None = None,
) -> Scores:
    """`score_pairs` of every query (Q, d) with its own row of `document` (Q, K), computed on a device: (Q, K) float32.

    Sums in float64 depend on their order in the last bits; `rounding` bounds by how much.
    """
    room = room or room_on(device)
    score = np.empty(document.shape, dtype=np.float32)
    for start, block in _blocks(documents, room.block):
        moved = _on(block, device)
        for chunk in slices(len(queries), room.rows):
            row, column = np.nonzero((document[chunk] >= start) & (document[chunk] < start + len(block)))
            for some in slices(len(row), room.pairs // max(1, queries.shape[1])):
                query, at = row[some] + chunk.start, column[some]
                pairs = Pairs(queries, block, query.astype(np.int32), document[query, at] - start)
                score[query, at] = pairs.scores(moved, device=device, rounding=rounding)
    return score


@dataclass(frozen=True)
class Pairs:
    """P pairs of rows of queries (Q, d), ascending, and documents (N, d)."""

    queries: Scores
    documents: Scores
    query: Positions
    document: Positions

    def scores(self, documents: Tensor, *, device: str, rounding: float) -> Scores:
        """(P,) float32, given the documents on the device."""
        first, last = int(self.query[0]), int(self.query[-1])
        left = _on(self.queries[first : last + 1], device)[_on(self.query - first, device).long()].double()
        total = (left * documents[_on(self.document, device).long()].double()).sum(dim=1)
        return round_sums(
            total.cpu().numpy(), self.queries, self.documents, self.query, self.document, rounding=rounding
        )


def _blocks(documents: Scores, numbers: int) -> Iterator[tuple[int, Scores]]:
    """First position and vectors of each block of (N, d) that holds at most so many numbers."""
    step = max(1, numbers // max(1, documents.shape[1]))
    return ((start, documents[start : start + step]) for start in range(0, len(documents), step))


def _on(values: Scores | Positions, device: str) -> Tensor:
    """A copy on the device: what is mapped from disk may not be written to, which torch warns of."""
    import torch

    return torch.from_numpy(np.array(values)).to(device)

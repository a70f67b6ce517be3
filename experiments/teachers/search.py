"""Exact top-k: by rows of scores, and by inner product (faiss, or torch in blocks of documents)."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from experiments.ir import Positions, Scores
from experiments.teachers.blocks import propose_blocks, score_grid_on
from experiments.teachers.pairs import IN_FLOAT64, rounding, score_pairs
from experiments.teachers.rescore import score_grid

SLACK = 64
"""Documents fetched beyond k, so that rounding inside the library can hardly reach the first k."""
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
    bits = score.view(np.int32)
    if np.isnan(score).any() or (bits == ZERO_BELOW).any():
        order = np.lexsort((document, -score), axis=1)
        return np.take_along_axis(document, order, axis=1), np.take_along_axis(score, order, axis=1)
    # The bits of floats, as integers, stand in the floats' order once those of negative ones are turned around.
    key = np.where(bits >= 0, ~bits, bits & ~ZERO_BELOW).astype(np.int64) << 32 | document
    key.sort(axis=1)
    bits = (key >> 32).astype(np.int32)
    return key.astype(np.int32), np.where(bits < 0, ~bits, bits | ZERO_BELOW).view(np.float32)


def chunks(rows: int, width: int) -> Iterator[slice]:
    """Slices of `rows` such that a chunk of rows x width scores stays within CHUNK_SCORES."""
    step = max(1, CHUNK_SCORES // max(1, width))
    return (slice(start, min(start + step, rows)) for start in range(0, rows, step))


def search_inner_product(queries: Scores, documents: Scores, k: int, *, device: str) -> tuple[Positions, Scores]:
    """The k documents (N, d) of highest `score_pairs` per query (Q, d): positions (Q, k) int32 and scores, k <= N.

    The library only proposes: its k + SLACK documents are scored anew, and a query whose k-th score lies within
    rounding of the last one proposed (many copies of one document) is scored against every document.
    """
    fetched, edge = propose(queries, documents, min(k + SLACK, len(documents)), device=device)
    bound = rounding(queries, documents)
    if device == "cpu":
        exact = score_grid(queries, documents, fetched)
    else:
        exact = score_grid_on(queries, documents, fetched, device=device, rounding=bound * IN_FLOAT64)
    document, score = order_rows(fetched, exact)
    document, score = document[:, :k], score[:, :k]
    if k and fetched.shape[1] < len(documents):
        open_rows = np.nonzero(score[:, -1] <= edge + bound)[0]
        for row in open_rows:
            document[row], score[row] = _search_all(queries[row], documents, k)
    return document, score


def propose(queries: Scores, documents: Scores, k: int, *, device: str) -> tuple[Positions, Scores]:
    """Some k documents of highest inner product (Q, k), unordered, and the lowest score among them (Q,)."""
    use_faiss = device == "cpu" and importlib.util.find_spec("faiss") is not None
    if use_faiss:
        return propose_faiss(queries, documents, k)
    return propose_blocks(queries, documents, k, device=device)


def propose_faiss(queries: Scores, documents: Scores, k: int) -> tuple[Positions, Scores]:
    """`propose` by faiss's exact flat index, on the CPU."""
    import faiss

    index = faiss.IndexFlatIP(documents.shape[1])
    index.add(np.ascontiguousarray(documents))
    score, document = index.search(np.ascontiguousarray(queries), k)
    return document.astype(np.int32), score.min(axis=1, initial=np.inf)


def _search_all(query: Scores, documents: Scores, k: int) -> tuple[Positions, npt.NDArray[np.float32]]:
    every = np.arange(len(documents), dtype=np.int32)
    score = score_pairs(query[None], documents, np.zeros_like(every), every)
    document = top_k(score[None], k)[0]
    return document, score[document]

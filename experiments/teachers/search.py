"""Exact top-k by inner product: in bf16 where there are units for it, by faiss, or by torch in blocks of documents."""

from __future__ import annotations

import importlib.util

import numpy as np
import numpy.typing as npt

from experiments.ir import Positions, Scores
from experiments.models.device import has_bf16_units
from experiments.slices import slices
from experiments.teachers.blocks import propose_blocks, score_grid_on
from experiments.teachers.found import Found
from experiments.teachers.halves import QUERIES, Net
from experiments.teachers.netted import search_halves
from experiments.teachers.order import order_rows, top_k
from experiments.teachers.pairs import IN_FLOAT64, rounding, score_pairs
from experiments.teachers.rescore import Rescorer
from experiments.teachers.threads import each_chunk

SLACK = 32
"""Documents fetched beyond k, so that rounding inside the library can hardly reach the first k."""
LEAST_DOCUMENTS, LEAST_QUERIES, MOST_K = 1 << 12, 1 << 8, 1 << 10
"""Where a search in bf16 is faster than faiss: a corpus and queries to share its preparations."""


def search_inner_product(queries: Scores, documents: Scores, k: int, *, device: str) -> tuple[Positions, Scores]:
    """The k documents (N, d) of highest `score_pairs` per query (Q, d): positions (Q, k) int32 and scores, k <= N."""
    if not in_halves(queries, documents, k, device=device):
        return search_by_library(queries, documents, k, device=device)
    document, score, left = search_halves(queries, documents, k)
    if left.any():
        document[left], score[left] = search_by_library(queries[left], documents, k, device=device)
    return document, score


def in_halves(queries: Scores, documents: Scores, k: int, *, device: str) -> bool:
    """Whether a search in bf16 is worth while: a CPU with units for it, and enough to search."""
    enough = len(documents) >= max(LEAST_DOCUMENTS, 16 * k) and len(queries) >= LEAST_QUERIES and 0 < k <= MOST_K
    return enough and device == "cpu" and has_bf16_units(device)


def search_by_library(queries: Scores, documents: Scores, k: int, *, device: str) -> tuple[Positions, Scores]:
    """As `search_inner_product`, by faiss or torch in float32.

    The library only proposes k + SLACK documents. Those that may be among the k best by its scores, each of which may
    be off by its rounding, are scored anew. A query to which others may belong (many copies of one document) is scored
    against every document.
    """
    found = Found.empty(len(queries), k)
    if not k:
        return found.document, found.score
    fetched, score = propose(queries, documents, min(k + SLACK, len(documents)), device=device)
    bound, whole = rounding(queries, documents), fetched.shape[1] == len(documents)
    if device == "cpu":
        rescorer = Rescorer.of(queries, documents, rounding=bound)

        def fill(chunk: slice) -> None:
            net = worth_scoring(fetched[chunk], score[chunk], k, within=2 * bound, whole=whole)
            found.fill(chunk, net, rescorer.scores(chunk.start, net.query, net.document))

        each_chunk(fill, slices(len(queries), QUERIES))
    else:
        exact = score_grid_on(queries, documents, fetched, device=device, rounding=bound * IN_FLOAT64)
        found.document[:], found.score[:] = (values[:, :k] for values in order_rows(fetched, exact))
        found.open[:] = (found.score[:, -1] <= score.min(axis=1) + bound) & (not whole)
    for row in np.flatnonzero(found.open):
        found.document[row], found.score[row] = _search_all(queries[row], documents, k)
    return found.document, found.score


def worth_scoring(fetched: Positions, score: Scores, k: int, *, within: float, whole: bool) -> Net:
    """Of proposals (q, K) those that may be among the k best, by scores that differ by less than `within` at most.

    whole: whether every document is proposed; else a query is open whose last proposal is among them.
    """
    kth = np.partition(score, score.shape[1] - k, axis=1)[:, -k].astype(np.float64)
    keep = np.asarray(score >= (kth - within)[:, None])
    is_open = np.zeros(len(keep), dtype=np.bool_) if whole else np.all(keep, axis=1)
    flat = np.flatnonzero(keep & ~is_open[:, None])
    document = fetched.ravel()[flat]
    order = np.argsort(document)
    return Net(flat[order] // fetched.shape[1], document[order].astype(np.int64), is_open)


def propose(queries: Scores, documents: Scores, k: int, *, device: str) -> tuple[Positions, Scores]:
    """Some k documents of highest inner product (Q, k), unordered, and the library's scores of them."""
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
    return document.astype(np.int32), score


def _search_all(query: Scores, documents: Scores, k: int) -> tuple[Positions, npt.NDArray[np.float32]]:
    every = np.arange(len(documents), dtype=np.int32)
    score = score_pairs(query[None], documents, np.zeros_like(every), every)
    document = top_k(score[None], k)[0]
    return document, score[document]

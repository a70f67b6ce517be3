"""A search in bf16, and its candidates scored as every pair is: the k best of each query, to the bit."""

from __future__ import annotations

import threading

import numpy as np
import numpy.typing as npt

from experiments.ir import Positions, Scores
from experiments.slices import slices
from experiments.teachers.found import Found
from experiments.teachers.halves import QUERIES, Buffers, Halves
from experiments.teachers.pairs import longest, rounding_of
from experiments.teachers.rescore import Rescorer
from experiments.teachers.threads import each_chunk

LONGEST = 1e15
"""Vectors up to this length have products far from infinity."""


def search_halves(queries: Scores, documents: Scores, k: int) -> tuple[Positions, Scores, npt.NDArray[np.bool_]]:
    """The k documents (N, d) of highest score per query (Q, d), k <= N, and the queries (Q,) that have no row yet."""
    halves, found = Halves.of(documents, k=k), Found.empty(len(queries), k)
    length = longest(queries)
    if max(length, halves.reach) < LONGEST:
        bound = rounding_of(queries.shape[1], length, halves.reach)
        _search(found, halves, queries, Rescorer.of(queries, documents, rounding=bound))
    return found.document, found.score, found.open


def _search(found: Found, halves: Halves, queries: Scores, rescorer: Rescorer) -> None:
    import torch

    k, threads, own = found.document.shape[1], torch.get_num_threads(), threading.local()

    def fill(chunk: slice) -> None:
        if not hasattr(own, "buffers"):
            size = min(QUERIES, len(queries))
            own.buffers = Buffers.of(queries=size, k=k, documents=len(halves.values), threads=threads)
        net = halves.cast(queries[chunk], k, buffers=own.buffers)
        found.fill(chunk, net, rescorer.scores(chunk.start, net.query, net.document))

    # Where bf16 tells too little of such vectors the first chunk shows it, and the rest is spared.
    first, *others = slices(len(queries), QUERIES)
    fill(first)
    if np.mean(found.open[first]) <= 0.5:
        each_chunk(fill, others)

"""The one function that scores (query, document) pairs of vectors: candidates and judged positives alike."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from experiments.ir import Positions, Scores

CHUNK_NUMBERS = 1 << 22
"""Float64 numbers gathered at once per side: 32 MiB."""


def score_pairs(queries: Scores, documents: Scores, query: Positions, document: Positions) -> Scores:
    """Inner products of `queries[query]` and `documents[document]`, both (P,): (P,) float32.

    Products of float32 are exact in float64 and are summed row by row, then rounded once: a pair has one score however
    the pairs are batched, and equal vectors have equal scores. A search library's own scores promise neither.
    """
    scores = np.empty(len(query), dtype=np.float32)
    step = max(1, CHUNK_NUMBERS // max(1, queries.shape[1]))
    for start in range(0, len(query), step):
        chunk = slice(start, start + step)
        left = queries[query[chunk]].astype(np.float64)
        right = documents[document[chunk]].astype(np.float64)
        scores[chunk] = np.einsum("pd,pd->p", left, right)
    return scores


def score_grid(queries: Scores, documents: Scores, document: npt.NDArray[np.int32]) -> Scores:
    """`score_pairs` of every query (Q, d) with its own row of `document` (Q, K): (Q, K) float32."""
    rows, width = document.shape
    query = np.repeat(np.arange(rows, dtype=np.int32), width)
    return score_pairs(queries, documents, query, document.ravel()).reshape(rows, width)

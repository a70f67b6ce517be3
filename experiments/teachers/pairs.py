"""The one function that scores (query, document) pairs of vectors: candidates and judged positives alike."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from experiments.ir import Positions, Scores
from experiments.slices import slices

CHUNK_NUMBERS = 1 << 22
"""Float64 numbers gathered at once per side: 32 MiB."""
IN_FLOAT64 = 2.0**-29
"""Rounding in float64 by rounding in float32."""


def score_pairs(queries: Scores, documents: Scores, query: Positions, document: Positions) -> Scores:
    """Inner products of `queries[query]` and `documents[document]`, both (P,): (P,) float32.

    Products of float32 are exact in float64 and are summed row by row, then rounded once: a pair has one score however
    the pairs are batched, and equal vectors have equal scores. A search library's own scores promise neither.
    """
    scores = np.empty(len(query), dtype=np.float32)
    step = max(1, CHUNK_NUMBERS // max(1, queries.shape[1]))
    for chunk in slices(len(query), step):
        left = queries[query[chunk]].astype(np.float64)
        right = documents[document[chunk]].astype(np.float64)
        scores[chunk] = np.einsum("pd,pd->p", left, right)
    return scores


def round_sums(
    total: npt.NDArray[np.float64],
    queries: Scores,
    documents: Scores,
    query: npt.NDArray[np.integer],
    document: npt.NDArray[np.integer],
    *,
    rounding: float,
) -> Scores:
    """The scores of pairs (P,) float32, given sums in float64 that may lie `rounding` from those of `score_pairs`.

    A sum that lies so close to the middle between two float32 numbers (about one in 10^5) is taken anew.
    """
    score = total.astype(np.float32)
    doubtful = np.flatnonzero((total - rounding).astype(np.float32) != (total + rounding).astype(np.float32))
    at = (positions[doubtful].astype(np.int32) for positions in (query, document))
    score[doubtful] = score_pairs(queries, documents, *at)
    return score


def rounding(queries: Scores, documents: Scores) -> float:
    """A bound on how far a library's float32 inner product may lie from `score_pairs`: (d + 1) u |q| |d|."""
    return rounding_of(queries.shape[1], longest(queries), longest(documents))


def rounding_of(width: int, query: float, document: float) -> float:
    """`rounding`, given the greatest lengths."""
    return float(width + 1) * 2.0**-24 * 2.0 * query * document


def longest(vectors: Scores) -> float:
    """The greatest length of a row of (n, d), 0 where there is none."""
    return float(np.sqrt(np.einsum("nd,nd->n", vectors, vectors).max(initial=0.0)))

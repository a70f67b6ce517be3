"""Which module ranks for which kind of teacher."""

from __future__ import annotations

from experiments.teachers import bm25, dense, precomputed, random, reranker
from experiments.teachers.teacher import Prepare

TEACHERS: dict[str, Prepare] = {
    "dense": dense.prepare,
    "bm25": bm25.prepare,
    "random": random.prepare,
    "checkpoint": dense.prepare,
    "reranker": reranker.prepare,
    "precomputed": precomputed.prepare,
}
"""By the config's `kind`."""

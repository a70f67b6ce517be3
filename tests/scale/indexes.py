"""Exact search, and how many of its candidates faiss's approximate indexes find."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import faiss
import numpy as np

from experiments.ir import Positions
from experiments.teachers.search import search_inner_product
from tests.scale.vectors import Vectors

DEPTH = 100
TOP = 10
"""Of the candidates, those that become negatives: most methods choose among the first."""
PROBES = (1, 4, 16, 64)
"""Lists of IVF that are searched."""
LISTS_PER_ROOT, ITERATIONS = 4, 10
"""IVF: so many lists for the square root of the documents, and rounds of k-means."""
LINKS, BUILD_WIDTH = 32, 40
"""HNSW: links of a document, and candidates looked at when it is added (faiss's defaults)."""
WIDTHS = (100, 200, 400)
"""Candidates that HNSW keeps while it searches."""


def measure(vectors: Vectors) -> dict[str, Any]:
    """Core seconds of the exact search, then recall and seconds of each index."""
    started = time.process_time()
    true, _ = search_inner_product(vectors.queries, vectors.documents, DEPTH, device="cpu")
    exact = time.process_time() - started
    documents, dimension = vectors.documents.shape
    return {
        "vectors": vectors.what,
        "passages": documents,
        "dimension": dimension,
        "queries": len(vectors.queries),
        "depth": DEPTH,
        "top": TOP,
        "encoded_per_second": vectors.rate,
        "exact_seconds": round(exact, 2),
        "indexes": [*_ivf(vectors, true), *_hnsw(vectors, true)],
    }


def _ivf(vectors: Vectors, true: Positions) -> Iterator[dict[str, Any]]:
    documents, dimension = vectors.documents.shape
    lists = round(LISTS_PER_ROOT * documents**0.5)
    index = faiss.IndexIVFFlat(faiss.IndexFlatIP(dimension), dimension, lists, faiss.METRIC_INNER_PRODUCT)
    index.cp.niter = ITERATIONS
    started = time.process_time()
    index.train(np.ascontiguousarray(vectors.documents))
    index.add(np.ascontiguousarray(vectors.documents))
    built = time.process_time() - started
    for probes in PROBES:
        index.nprobe = probes
        yield {"index": "IVF", "setting": f"{probes} of {lists} lists", **_searched(index, vectors, true, built)}


def _hnsw(vectors: Vectors, true: Positions) -> Iterator[dict[str, Any]]:
    index = faiss.IndexHNSWFlat(vectors.documents.shape[1], LINKS, faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efConstruction = BUILD_WIDTH
    started = time.process_time()
    index.add(np.ascontiguousarray(vectors.documents))
    built = time.process_time() - started
    for width in WIDTHS:
        index.hnsw.efSearch = width
        yield {"index": "HNSW", "setting": f"width {width}", **_searched(index, vectors, true, built)}


def _searched(index: Any, vectors: Vectors, true: Positions, built: float) -> dict[str, float]:
    started = time.process_time()
    _, found = index.search(np.ascontiguousarray(vectors.queries), DEPTH)
    seconds = time.process_time() - started
    return {
        "build_seconds": round(built, 1),
        "search_seconds": round(seconds, 2),
        "recall": round(share_found(true, found), 4),
        "recall_top": round(share_found(true[:, :TOP], found), 4),
    }


def share_found(true: Positions, found: np.ndarray) -> float:
    """The share of true candidates (Q, k) that stand anywhere in their query's row of `found`."""
    return float(np.mean([np.isin(row, other).mean() for row, other in zip(true, found, strict=True)]))

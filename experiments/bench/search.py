"""Exact search for the k best of a corpus, beside faiss's flat index."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from importlib.util import find_spec
from typing import Any

import numpy as np

from experiments.bench.products import seconds_in_bf16
from experiments.bench.values import Case, Given, Sides, Spent
from experiments.bench.vectors import collection, encoded, random_vectors
from experiments.ir import Positions, Scores
from experiments.models.device import has_bf16_units
from experiments.records.environment import describe_environment
from experiments.teachers.search import search_inner_product

K = 100
SIZES = ((200_000, 2_000), (1_000_000, 1_000))
QUICK = ((8_000, 1_000),)
TARGETS = {"amx_bf16": 2.0, "avx512_bf16": 1.3}
"""Times as fast as faiss on a processor whose best unit for matrices it is."""
OTHERWISE = 0.95


def cases(given: Given) -> Sequence[Case]:
    """A real collection, and synthetic vectors of two sizes."""
    case = partial(Case, against="faiss IndexFlatIP", target=target(given))
    name = f"{given.collection or 'docstrings'}, token means"
    sizes = QUICK if given.quick else SIZES
    return [
        case(f"{name}, top {K}", _real),
        *(case(f"synthetic, {n:,} x {q:,}, top {K}", partial(_synthetic, n, q)) for n, q in sizes),
    ]


def target(given: Given) -> float:
    """By the processor's best unit."""
    units = describe_environment(device="cpu", threads=given.threads)["matrix_units"]
    return next((TARGETS[unit] for unit in units if unit in TARGETS), OTHERWISE)


def _real(given: Given) -> Sides:
    found = collection(given)
    queries = encoded(given, found.splits["train"].queries.texts, "query")
    return sides(given, queries, encoded(given, found.corpus.passages, "document"))


def _synthetic(documents: int, queries: int, given: Given) -> Sides:
    return sides(given, random_vectors(queries, 1), random_vectors(documents, 2))


def sides(given: Given, queries: Scores, documents: Scores) -> Sides:
    """Both searches of the same vectors; building faiss's index counts, as preparing ours does."""

    def ours(_turn: int) -> tuple[Positions, Scores]:
        return search_inner_product(queries, documents, K, device=given.device)

    def limit(spent: Spent) -> str:
        return f"the products in bf16 alone take {seconds_in_bf16(queries, documents):.2f} of our {spent.cpu:.2f} s"

    return Sides(ours, _flat(queries, documents), _agreement, limit if has_bf16_units(given.device) else None)


def _flat(queries: Scores, documents: Scores) -> Callable[[int], Any] | None:
    """None where faiss is not installed."""
    if find_spec("faiss") is None:
        return None
    import faiss

    def search(_turn: int) -> Any:
        index = faiss.IndexFlatIP(documents.shape[1])
        index.add(documents)
        return index.search(queries, K)

    return search


def _agreement(ours: tuple[Positions, Scores], peer: tuple[Scores, Positions]) -> str:
    """Of each query's k documents how many both found, and by how much the sorted scores differ at most."""
    document, score = ours
    shared = np.mean([len(np.intersect1d(a, b)) for a, b in zip(document, peer[1], strict=True)]) / document.shape[1]
    return f"{shared:.3%} of the documents in common, scores differ by {np.abs(score - peer[0]).max():.0e} at most"

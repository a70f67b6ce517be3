"""What the work costs as it grows: documents, queries, depth, thresholds and methods."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from experiments.bench.threshold import run_of
from experiments.bench.values import Given, Sizes
from experiments.bench.vectors import random_vectors
from experiments.command.build import Composed
from experiments.teachers.search import search_inner_product

DOCUMENTS = (10_000, 30_000, 100_000, 300_000, 1_000_000, 3_000_000)
QUERIES = (300, 1_000, 3_000, 10_000)
DEPTHS = (10, 30, 100, 300, 1_000)
THRESHOLDS = (1, 3, 10, 30)
SIZES_OF_METHODS = (1, 2, 4)
METHODS = ("topk_percpos", "topk_marginpos", "naive_topk", "topk_abs")
AT_DOCUMENTS, AT_QUERIES, AT_DEPTH = 100_000, 500, 100


def cases(given: Given) -> Sequence[Sizes]:
    """Exact search of synthetic vectors, evenly in every direction; thresholds and methods of the collection."""
    few = 2 if given.quick else None
    name = given.collection or "docstrings"
    return [
        Sizes(
            "exact search, synthetic", f"documents ({AT_QUERIES} queries, top {AT_DEPTH})", DOCUMENTS[:few], _documents
        ),
        Sizes(
            "exact search, synthetic", f"queries ({_at(given):,} documents, top {AT_DEPTH})", QUERIES[:few], _queries
        ),
        Sizes(
            "exact search, synthetic", f"depth ({_at(given):,} documents, {AT_QUERIES} queries)", DEPTHS[:few], _depths
        ),
        Sizes(f"mining, {name}, embeddings stored", "thresholds in one process", THRESHOLDS[:few], _thresholds),
        Sizes(f"mining, {name}, embeddings stored", "methods in one process", SIZES_OF_METHODS[:few], _methods),
    ]


def _at(given: Given) -> int:
    return DOCUMENTS[0] if given.quick else AT_DOCUMENTS


def _search(given: Given, documents: int, queries: int, depth: int) -> Callable[[int], Any]:
    asked, searched = random_vectors(queries, 1), random_vectors(documents, 2)
    return lambda _turn: search_inner_product(asked, searched, depth, device=given.device)


def _documents(given: Given, size: int) -> Callable[[int], Any]:
    return _search(given, size, AT_QUERIES, AT_DEPTH)


def _queries(given: Given, size: int) -> Callable[[int], Any]:
    return _search(given, _at(given), size, AT_DEPTH)


def _depths(given: Given, size: int) -> Callable[[int], Any]:
    return _search(given, _at(given), AT_QUERIES, size)


def _thresholds(given: Given, size: int) -> Callable[[int], Any]:
    """Thresholds that no other round or size has asked for."""
    shift = 1e-4 * (1 + THRESHOLDS.index(size) * given.rounds)

    def run(place: int, turn: int) -> Composed:
        return run_of(given, threshold=0.5 + 0.01 * place + shift + 1e-4 * turn)

    return _mine([partial(run, place) for place in range(size)])


def _methods(given: Given, size: int) -> Callable[[int], Any]:
    """Numbers of negatives that no other round or size has asked for."""
    first = 1 + SIZES_OF_METHODS.index(size) * given.rounds

    def run(method: str, turn: int) -> Composed:
        threshold = None if method == "naive_topk" else 0.9
        return run_of(given, method=method, threshold=threshold, negatives=first + turn)

    return _mine([partial(run, method) for method in METHODS[:size]])


def _mine(runs: Sequence[Callable[[int], Composed]]) -> Callable[[int], Any]:
    from experiments import pipeline

    def mine(turn: int) -> None:
        for compose in runs:
            run = compose(turn)
            pipeline.run(run.config, run.execution)

    return mine

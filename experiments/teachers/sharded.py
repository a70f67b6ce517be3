"""Exact search by shards of documents: each gives its best, which are merged to what one search would give."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from experiments.engines.ray_workers import ray_workers
from experiments.engines.shards import Kept, cuts, name_of
from experiments.execution import Execution
from experiments.ir import Positions, Scores
from experiments.models.device import resolve_device
from experiments.teachers.blocks import room_on
from experiments.teachers.order import chunks, top_k
from experiments.teachers.search import search_inner_product

Found = npt.NDArray[np.void]
"""(Q, k) best documents of a shard, in order, equal scores in corpus order: positions in the corpus, and scores."""
FOUND = np.dtype([("document", np.int32), ("score", np.float32)])
Search = Callable[[Sequence[int], Callable[[int], tuple[Positions, Scores]]], Iterator[tuple[int, Found]]]
"""(shards, the positions and vectors of one) -> each shard and its best, as they are ready."""


def shard_rows(execution: Execution, dimension: int) -> int:
    """Documents of a shard: those handed to one of Ray's workers; in one process as many as it may hold anyway."""
    if execution.engine == "ray":
        return execution.shard
    return max(execution.shard, room_on(resolve_device(execution)).block // max(1, dimension))


def search_shards(
    queries: Scores, documents: Scores, pool: Positions, k: int, *, rows: int, execution: Execution, kept: Kept
) -> tuple[Positions, Scores]:
    """The k documents of `pool`, ascending positions in (N, d), of highest score per query (Q, d): (Q, k) and scores.

    What `search_inner_product` gives over all of them, equal scores in corpus order. `rows` documents are searched at a
    time, and shards that are kept are not searched again.
    """
    shards = [pool[cut] for cut in cuts(len(pool), rows)]
    with searcher(queries, k, execution) as search:
        for shard, found in search(kept.missing(len(shards)), lambda one: (shards[one], documents[shards[one]])):
            kept.put(name_of(shard), found)
    return merge([kept.get(name_of(shard)) for shard in range(len(shards))], k)


def merge(parts: Sequence[Found], k: int) -> tuple[Positions, Scores]:
    """The k best of shards (Q, k_s) whose documents ascend from shard to shard: positions (Q, k) and scores (Q, k).

    Among equal scores the order of columns is the order of documents: within a shard, and from one to the next.
    """
    queries, width = len(parts[0]), sum(part.shape[1] for part in parts)
    document, score = np.empty((queries, k), dtype=np.int32), np.empty((queries, k), dtype=np.float32)
    for chunk in chunks(queries, width):
        together = np.concatenate([part[chunk] for part in parts], axis=1)
        columns = top_k(np.ascontiguousarray(together["score"]), k)
        best = np.take_along_axis(together, columns, axis=1)
        document[chunk], score[chunk] = best["document"], best["score"]
    return document, score


@dataclass(frozen=True)
class Searcher:
    """Queries (Q, d), to be held against one shard after another on a torch device."""

    queries: Scores
    k: int
    device: str

    def best(self, shard: tuple[Positions, Scores]) -> Found:
        """The k best of a shard's documents, or all where it has fewer."""
        positions, documents = shard
        document, score = search_inner_product(self.queries, documents, min(self.k, len(documents)), device=self.device)
        found = np.empty(document.shape, dtype=FOUND)
        found["document"], found["score"] = positions[document], score
        return found


@dataclass(frozen=True)
class BuildSearcher:
    """Takes the queries to where the worker is."""

    queries: Scores
    k: int

    def __call__(self, execution: Execution) -> Searcher:
        """On the worker's own device."""
        return Searcher(self.queries, self.k, resolve_device(execution))


@contextmanager
def searcher(queries: Scores, k: int, execution: Execution) -> Iterator[Search]:
    """Who searches, until the block ends: Ray's workers, or this process one shard after another. Raises UserError."""
    build: Any = BuildSearcher(np.asarray(queries), k)
    if execution.engine == "ray":
        with ray_workers(build, execution) as workers:
            yield lambda shards, vectors_of: workers.run("best", shards, vectors_of)
    else:
        here: Searcher = build(execution)
        yield lambda shards, vectors_of: ((shard, here.best(vectors_of(shard))) for shard in shards)

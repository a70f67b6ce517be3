"""A ranking from pairs that were scored elsewhere: some documents of each query, best first, ties in corpus order."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from experiments.errors import UserError
from experiments.ir import NO_DOCUMENT, Collection, Positions, Qrels, Scores
from experiments.teachers.ranking import Ranking

Keys = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Pairs:
    """P distinct pairs of train query and document: positions, int32, and float32 scores; sorted by both."""

    query: Positions
    document: Positions
    score: Scores

    def take(self, at: npt.NDArray[np.bool_] | npt.NDArray[np.intp]) -> Pairs:
        """Those at `at`."""
        return Pairs(query=self.query[at], document=self.document[at], score=self.score[at])


def rank_pairs(parts: Iterable[Pairs], *, collection: Collection, queries: int, qrels: Qrels, depth: int) -> Ranking:
    """The best `depth` minable documents of each query and the judged pairs' scores, NaN where a pair has none.

    Of every part only those are kept that may be among them. Raises UserError for a pair with two scores, and where no
    pair is of a train query.
    """
    documents, k = len(collection.corpus), min(depth, int(collection.minable.sum()))
    judged = keys_of(qrels.query, qrels.document, documents)
    kept = [_shortlist(part, collection.minable, judged, k, documents) for part in parts]
    pairs = distinct(
        np.concatenate([part.query for part in kept]),
        np.concatenate([part.document for part in kept]),
        np.concatenate([part.score for part in kept]),
        collection=collection,
    )
    if not len(pairs.query):
        raise UserError(f"none of the scored pairs is of a train query of {collection.name}: check ids and files")
    best, column = _best(pairs, collection.minable, k)
    document = np.full((queries, k), NO_DOCUMENT, dtype=np.int32)
    score = np.full((queries, k), np.nan, dtype=np.float32)
    document[best.query, column], score[best.query, column] = best.document, best.score
    return Ranking(document=document, score=score, positive_score=_scores_of(judged, pairs, documents))


def distinct(query: Positions, document: Positions, score: Scores, *, collection: Collection) -> Pairs:
    """Pairs in order, each once. Raises UserError for one with two scores."""
    order = np.lexsort((score, document, query))
    pairs = Pairs(query=query[order], document=document[order], score=score[order])
    again = (np.diff(pairs.query) == 0) & (np.diff(pairs.document) == 0)
    clash = np.flatnonzero(again & (np.diff(pairs.score) != 0))
    if len(clash):
        first = clash[0]
        names = collection.splits["train"].queries.ids[pairs.query[first]], collection.corpus.ids[pairs.document[first]]
        raise UserError(
            f"query {names[0]!r} and document {names[1]!r} have two scores, {pairs.score[first]} and "
            f"{pairs.score[first + 1]} (so have {len(clash)} pairs): keep one of them"
        )
    return pairs.take(np.concatenate([[True], ~again])[: len(query)])


def keys_of(query: Positions, document: Positions, documents: int) -> Keys:
    """One int64 a pair, in the order of pairs."""
    return query.astype(np.int64) * documents + document


def _shortlist(pairs: Pairs, minable: npt.NDArray[np.bool_], judged: Keys, k: int, documents: int) -> Pairs:
    """The best k minable documents of each query, and what is judged."""
    best, _ = _best(pairs, minable, k)
    known = pairs.take(np.isin(keys_of(pairs.query, pairs.document, documents), judged))
    return Pairs(
        query=np.concatenate([best.query, known.query]),
        document=np.concatenate([best.document, known.document]),
        score=np.concatenate([best.score, known.score]),
    )


def _best(pairs: Pairs, minable: npt.NDArray[np.bool_], k: int) -> tuple[Pairs, npt.NDArray[np.int64]]:
    """The k best minable documents of each query, and the rank of each, from 0."""
    there = pairs.take(minable[pairs.document])
    ordered = there.take(np.lexsort((there.document, -there.score, there.query)))
    rank = np.arange(len(ordered.query)) - np.searchsorted(ordered.query, ordered.query, side="left")
    return ordered.take(rank < k), rank[rank < k]


def _scores_of(judged: Keys, pairs: Pairs, documents: int) -> Scores:
    keys = keys_of(pairs.query, pairs.document, documents)
    at = np.minimum(np.searchsorted(keys, judged), len(keys) - 1)
    return np.where(keys[at] == judged, pairs.score[at], np.float32(np.nan)).astype(np.float32)

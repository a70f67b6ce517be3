"""Small mining problems with exact arithmetic: scores are multiples of 1/64, so ties are common and sums are exact."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from experiments.config import BeirData, MiningConfig
from experiments.ir import NO_DOCUMENT, Candidates, Collection, Corpus, Qrels, Queries, Split
from experiments.miners.depth import fetch_depth


@dataclass(frozen=True)
class Problem:
    """A collection with its full (Q, N) matrix of scores."""

    collection: Collection
    scores: npt.NDArray[np.float32]

    def candidates(self, depth: int) -> Candidates:
        """What an exact search would give."""
        return search(self.collection, self.scores, depth)

    def candidates_for(self, data: BeirData, mining: MiningConfig) -> Candidates:
        """As deep as mining needs."""
        return self.candidates(fetch_depth(self.collection, mining=mining))


def collection_of(
    documents: list[str], queries: list[str], judged: list[tuple[int, int]], minable: list[bool] | None = None
) -> Collection:
    """Documents without titles, one train split."""
    query, document = zip(*judged, strict=True) if judged else ((), ())
    split = Split(
        queries=Queries(ids=tuple(f"q{i}" for i in range(len(queries))), texts=tuple(queries)),
        qrels=Qrels.build(query=query, document=document, grade=[1] * len(judged)),
    )
    corpus = Corpus(
        ids=tuple(f"d{i}" for i in range(len(documents))), titles=("",) * len(documents), texts=tuple(documents)
    )
    return Collection(
        name="made",
        corpus=corpus,
        splits={"train": split},
        minable=np.array(minable if minable is not None else [True] * len(documents)),
        report={},
    )


def search(collection: Collection, scores: npt.NDArray[np.float32], depth: int) -> Candidates:
    """Exact search among the minable documents, ties in corpus order."""
    minable = np.flatnonzero(collection.minable)
    order = minable[np.argsort(-scores[:, minable], axis=1, kind="stable")]
    best = np.full((len(scores), depth), NO_DOCUMENT, dtype=np.int32)
    width = min(depth, len(minable))
    best[:, :width] = order[:, :width]
    found = np.take_along_axis(scores, np.maximum(best, 0), axis=1)
    qrels = collection.splits["train"].qrels
    positive = scores[qrels.query, qrels.document]
    pool = np.where(collection.minable, scores[qrels.query], -np.inf)
    position = np.arange(scores.shape[1])
    ahead = (pool > positive[:, None]) | ((pool == positive[:, None]) & (position < qrels.document[:, None]))
    return Candidates(
        document=best,
        score=np.where(best >= 0, found, np.nan).astype(np.float32),
        positive_score=positive.astype(np.float32),
        positive_rank=np.minimum(ahead.sum(axis=1) + 1, depth + 1).astype(np.int32),
    )


def random_problem(rng: np.random.Generator, *, documents: int, queries: int, positives: int, twins: bool) -> Problem:
    """Up to `positives` judged documents a query; with `twins`, repeated texts of documents, queries and both."""
    texts = [f"document {i}" for i in range(documents)]
    questions = [f"query {i}" for i in range(queries)]
    if twins:
        for i in range(documents):
            if rng.random() < 0.3:
                texts[i] = f"  Document   {rng.integers(documents)} "
        for i in range(queries):
            if rng.random() < 0.4:
                questions[i] = f"QUERY {rng.integers(queries)}"
            if rng.random() < 0.3:
                texts[rng.integers(documents)] = questions[i].lower()
    judged = {
        (q, int(d))
        for q in range(queries)
        for d in rng.choice(documents, size=rng.integers(0, positives + 1), replace=False)
    }
    minable = [bool(rng.random() < 0.9) for _ in range(documents)] if twins else [True] * documents
    scores = rng.integers(-64, 65, size=(queries, documents)).astype(np.float32) / 64
    return Problem(collection_of(texts, questions, sorted(judged), minable), scores)


def beir(**changes: Any) -> BeirData:
    """A data config whose run draws every training query."""
    return BeirData(name="made", **changes)

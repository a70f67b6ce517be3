"""nDCG@10 of a model in memory on judged queries: the quick look that is taken while it is trained."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from experiments.evaluation.measures import Ranking, per_query_measures, without_identical_ids
from experiments.evaluation.reading import Reading
from experiments.evaluation.target import EvaluationTarget
from experiments.ir import Scores
from experiments.models.encoding import Role, encode_batches, unit
from experiments.models.lengths import set_lengths

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

DEPTH = 100
"""Documents ranked per query, as mteb keeps them."""
QUERIES_AT_ONCE = 256
"""Queries whose scores of every passage are held at once."""


def ndcg_of(
    model: SentenceTransformer, targets: Sequence[EvaluationTarget], *, reading: Reading, batch_size: int
) -> float:
    """Mean over the targets of the mean nDCG@10 of their queries, by cosine.

    The model is read at the lengths of `reading` and in the precision it is trained in; then it has its own lengths
    again. Agrees with what mteb measures of the trained model up to rounding.
    """
    with _lengths(model, reading):
        return float(np.mean([_ndcg(model, target, batch_size) for target in targets]))


def _ndcg(model: SentenceTransformer, target: EvaluationTarget, batch_size: int) -> float:
    queries, corpus, judged = target.split.queries, target.corpus, target.judged_queries
    asked = _encoded(model, [queries.texts[i] for i in judged], "query", batch_size)
    passages = _encoded(model, corpus.passages, "document", batch_size)
    run = _ranking(asked, passages, [queries.ids[i] for i in judged], corpus.ids)
    if target.ignore_identical_ids:
        run = without_identical_ids(run)
    return float(per_query_measures(run, target.judgments)["nDCG@10"].mean())


def _encoded(model: SentenceTransformer, texts: Sequence[str], role: Role, batch_size: int) -> Scores:
    """(n, d) float32 of length 1."""
    vectors = np.empty((len(texts), model.get_embedding_dimension() or 0), dtype=np.float32)
    for positions, part in encode_batches(model, texts, role=role, batch_size=batch_size, name="the student"):
        vectors[positions] = part
    return unit(vectors)


def _ranking(asked: Scores, passages: Scores, ids: Sequence[str], documents: Sequence[str]) -> Ranking:
    depth = min(DEPTH, len(documents))
    run: dict[str, dict[str, float]] = {}
    for start in range(0, len(ids), QUERIES_AT_ONCE):
        scores = asked[start : start + QUERIES_AT_ONCE] @ passages.T
        best = np.argpartition(-scores, depth - 1, axis=1)[:, :depth]
        for query, row, found in zip(ids[start:], scores, best, strict=False):
            run[query] = {documents[i]: float(row[i]) for i in found}
    return run


@contextmanager
def _lengths(model: SentenceTransformer, reading: Reading) -> Iterator[None]:
    module: Any = model[0]
    before = (module.query_length, module.document_length)
    set_lengths(model, query=reading.query_length, document=reading.passage_length)
    try:
        yield
    finally:
        set_lengths(model, query=before[0], document=before[1])

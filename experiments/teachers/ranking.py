"""From scores to Candidates; a ranking by teachers that score whole rows (BM25, chance)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from experiments.errors import UserError
from experiments.ir import NO_DOCUMENT, Candidates, Collection, Positions, Qrels, Scores
from experiments.models.encoding import first_words
from experiments.teachers.order import chunks, top_k

ScoreRows = Callable[[slice], Scores]
"""A slice of q queries -> (q, N) float32 scores of every document of the corpus."""


@dataclass(frozen=True)
class Ranking:
    """document, score: (Q, k) best minable documents, in order, k <= depth. positive_score: (J,), as the qrels."""

    document: Positions
    score: Scores
    positive_score: Scores


def rank_rows(score_rows: ScoreRows, *, collection: Collection, queries: int, qrels: Qrels, depth: int) -> Ranking:
    """Rank the minable documents for each of `queries`, and pick the judged pairs from the very same rows."""
    minable = np.nonzero(collection.minable)[0].astype(np.int32)
    k = min(depth, len(minable))
    document = np.empty((queries, k), dtype=np.int32)
    score = np.empty((queries, k), dtype=np.float32)
    positive = np.empty(len(qrels), dtype=np.float32)
    for chunk in chunks(queries, len(collection.corpus)):
        rows = score_rows(chunk)
        judged = slice(*np.searchsorted(qrels.query, [chunk.start, chunk.stop]))
        positive[judged] = rows[qrels.query[judged] - chunk.start, qrels.document[judged]]
        pool = rows if len(minable) == rows.shape[1] else rows[:, minable]
        document[chunk] = minable[top_k(pool, k)]
        score[chunk] = np.take_along_axis(rows, document[chunk], axis=1)
    return Ranking(document=document, score=score, positive_score=positive)


def finite_rows(score_rows: ScoreRows, *, name: str, queries: Sequence[str], passages: Sequence[str]) -> ScoreRows:
    """`score_rows`, which raises UserError for a score that is not finite, with the query and the document it is for.

    name: the teacher. A NaN would rank anywhere, an infinity before everything.
    """

    def checked(chunk: slice) -> Scores:
        rows = score_rows(chunk)
        if not np.isfinite(rows).all():
            row, column = (int(at[0]) for at in np.nonzero(~np.isfinite(rows)))
            query, passage = first_words(queries[chunk.start + row]), first_words(passages[column])
            raise UserError(
                f"teacher {name} gives the query {query} and the document {passage} the score {rows[row, column]}: "
                "a ranking needs finite scores, use another teacher"
            )
        return rows

    return checked


def to_candidates(ranking: Ranking, *, qrels: Qrels, depth: int) -> Candidates:
    """Pad the ranking to `depth` columns and look the judged documents' ranks up in it."""
    missing = depth - ranking.document.shape[1]
    document = np.pad(ranking.document, ((0, 0), (0, missing)), constant_values=NO_DOCUMENT)
    score = np.pad(ranking.score, ((0, 0), (0, missing)), constant_values=np.nan)
    return Candidates(
        document=document,
        score=score,
        positive_score=ranking.positive_score,
        positive_rank=positive_ranks(document, qrels),
    )


def positive_ranks(document: Positions, qrels: Qrels) -> Positions:
    """1-based column of each judged document in its query's row of (Q, K); K + 1 where it is not there: (J,) int32."""
    width = document.shape[1]
    rank = np.full(len(qrels), width + 1, dtype=np.int32)
    for chunk in chunks(len(qrels), width):
        pair, column = np.nonzero(document[qrels.query[chunk]] == qrels.document[chunk, None])
        rank[chunk.start + pair] = column + 1
    return rank

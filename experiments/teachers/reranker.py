"""A reranker as teacher: a cross-encoder puts the first stage's documents into its own order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from experiments.config import RerankerTeacher
from experiments.execution import Execution
from experiments.ir import NO_DOCUMENT, Candidates, Scores, first_equal, text_keys
from experiments.models.device import device_memory
from experiments.models.reranker import Pair, load_reranker, reranker_identity, score_text_pairs
from experiments.teachers.ranking import Ranking
from experiments.teachers.teacher import Prepared, Question, Tools

ScorePairs = Callable[[Sequence[Pair]], Scores]
Integers = npt.NDArray[np.int64]


def prepare(teacher: RerankerTeacher, question: Question, tools: Tools) -> Prepared:
    """Takes the first stage's candidates, which runs with that teacher share, and scores them anew."""
    candidates, artifacts = tools.retrieve(teacher.first_stage)

    @device_memory("lower execution.inference_batch_size (in bf16 teacher.score_batch), or teacher.max_length")
    def score(pairs: Sequence[Pair]) -> Scores:
        model = load_reranker(teacher, execution=tools.execution)
        return score_text_pairs(model, pairs, teacher=teacher, execution=tools.execution)

    return Prepared(
        identity=_identity(teacher, artifacts[-1].key, tools.execution),
        inputs=tuple(artifacts),
        rank=lambda _: rerank(candidates, question, score),
    )


def _identity(teacher: RerankerTeacher, first_stage: str, execution: Execution) -> dict[str, Any]:
    """All that can change a score: in bf16 the batch too, but never device or `inference_batch_size`."""
    return {
        "kind": "reranker",
        "weights": reranker_identity(teacher, execution=execution),
        "first_stage": first_stage,
        "activation": teacher.activation,
        "max_length": teacher.max_length,
        "precision": teacher.precision,
        **({"score_batch": teacher.score_batch} if teacher.precision == "bf16" else {}),
        **({"trust_remote_code": True} if teacher.trust_remote_code else {}),
    }


def rerank(candidates: Candidates, question: Question, score: ScorePairs) -> Ranking:
    """The first stage's candidates by falling score, equal ones in the first stage's order; every judged pair's score.

    Each pair of texts is scored once, so that a judged document has one score inside and outside the candidates, and
    exact copies of a document are equal.
    """
    there = candidates.document != NO_DOCUMENT
    row, column = np.nonzero(there)
    qrels = question.qrels
    scores = _scores(
        question,
        query=np.concatenate([row, qrels.query]),
        document=np.concatenate([candidates.document[row, column], qrels.document]),
        score=score,
    )
    grid = np.full(there.shape, np.nan, dtype=np.float32)
    grid[row, column] = scores[: len(row)]
    # A stable sort keeps the first stage's order among equal scores, and puts NaN, which is padding, last.
    order = np.argsort(-grid, axis=1, kind="stable")
    return Ranking(
        document=np.take_along_axis(candidates.document, order, axis=1),
        score=np.take_along_axis(grid, order, axis=1),
        positive_score=scores[len(row) :],
    )


def _scores(question: Question, *, query: Integers, document: Integers, score: ScorePairs) -> Scores:
    """(P,) scores of the pairs at positions (P,) and (P,)."""
    queries, passages = question.queries, question.collection.corpus.passages
    # Keys of 16 bytes a passage, not a table of all texts, which may lie in a file.
    first_query, first_passage = first_equal(text_keys(queries)), first_equal(text_keys(passages))
    keys = first_query[query] * len(passages) + first_passage[document]
    unique, where = np.unique(keys, return_inverse=True)
    pairs = [(queries[key // len(passages)], passages[key % len(passages)]) for key in unique.tolist()]
    return score(pairs)[where]

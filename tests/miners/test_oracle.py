"""Agreement with sentence-transformers where both define the same thing, and one test for each purposeful difference.

Its anchor is the smallest positive score of a query, and it drops short rows: `anchor: min`, `shortfall: drop`. Ties
are broken differently, so rows are compared by their scores.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from experiments.config import (
    MinerConfig,
    MiningConfig,
    NaiveTopK,
    TopKAbs,
    TopKMarginPos,
    TopKPercPos,
    TopKShifted,
)
from experiments.miners.choice import judge
from experiments.miners.methods import Rule
from experiments.miners.mine import mine
from experiments.miners.reasons import SURVIVOR
from tests.miners.oracle import Rows, mine_with_sentence_transformers
from tests.miners.problems import Problem, beir, collection_of, random_problem

METHODS: list[tuple[MinerConfig, dict[str, Any]]] = [
    (NaiveTopK(), {}),
    (TopKShifted(shift=10), {"range_min": 10}),
    (TopKAbs(threshold=0.7), {"max_score": 0.7}),
    (TopKMarginPos(threshold=0.055), {"absolute_margin": 0.055}),
    (TopKPercPos(threshold=0.953), {"relative_margin": 0.047}),
    (TopKPercPos(threshold=1.052), {"relative_margin": -0.052}),
]


def ours(problem: Problem, miner: MinerConfig, mining: MiningConfig) -> Rows:
    data = beir(positives="all")
    candidates = problem.candidates_for(data, mining)
    mined = mine(collection=problem.collection, data=data, candidates=candidates, miner=miner, mining=mining, seed=0)
    queries, texts = problem.collection.splits["train"].queries.texts, problem.collection.corpus.texts
    negatives = mined.negatives
    return {
        (queries[q], texts[p]): ([texts[d] for d in documents], scores.tolist())
        for q, p, documents, scores in zip(
            negatives.query, negatives.positive, negatives.document, negatives.score, strict=True
        )
    }


@pytest.fixture(scope="module", params=["ties", "no ties"])
def problem(request: pytest.FixtureRequest) -> Problem:
    """2,100 queries with up to 4 positives; positive scores are low often enough for rows to run short."""
    rng = np.random.default_rng(7)
    made = random_problem(rng, documents=150, queries=2100, positives=4, twins=False)
    if request.param == "ties":
        odd = np.float32(1 / 128)  # no score is 0, where every fraction's bar would be the score itself
        return Problem(made.collection, made.scores + odd)
    return Problem(made.collection, rng.uniform(-1, 1, made.scores.shape).astype(np.float32))


@pytest.mark.parametrize(("miner", "options"), METHODS, ids=lambda value: getattr(value, "kind", ""))
def test_same_rows_and_scores(problem: Problem, miner: MinerConfig, options: dict[str, Any]) -> None:
    mining = MiningConfig(num_negatives=4, depth=len(problem.collection.corpus), anchor="min")
    expected = mine_with_sentence_transformers(problem, num_negatives=4, **options)
    actual = ours(problem, miner, mining)
    assert len(expected) > 2000
    assert {pair: scores for pair, (_, scores) in actual.items()} == {
        pair: scores for pair, (_, scores) in expected.items()
    }


def test_same_documents_without_ties() -> None:
    rng = np.random.default_rng(3)
    made = random_problem(rng, documents=60, queries=300, positives=3, twins=False)
    problem = Problem(made.collection, rng.permuted(np.linspace(-1, 1, 60 * 300, dtype=np.float32)).reshape(300, 60))
    mining = MiningConfig(num_negatives=3, depth=60, anchor="min")
    assert ours(problem, TopKPercPos(), mining) == mine_with_sentence_transformers(
        problem, num_negatives=3, relative_margin=0.05
    )


def one_query(
    scores: list[float], *, documents: list[str] | None = None, query: str = "q", positives: int = 1
) -> Problem:
    """The first `positives` documents answer the one query."""
    texts = documents or [f"d{i}" for i in range(len(scores))]
    collection = collection_of(texts, [query], [(0, i) for i in range(positives)])
    return Problem(collection, np.array([scores], dtype=np.float32))


@pytest.mark.parametrize(
    ("miner", "options"),
    [
        (TopKAbs(threshold=0.5), {"max_score": 0.5}),
        (TopKMarginPos(threshold=0.25), {"absolute_margin": 0.25}),
        (TopKPercPos(threshold=0.5), {"relative_margin": 0.5}),
    ],
    ids=lambda value: getattr(value, "kind", ""),
)
def test_differs_a_candidate_at_the_bar_is_rejected(miner: MinerConfig, options: dict[str, Any]) -> None:
    positive = {"topk_marginpos": 0.75, "topk_percpos": 1.0}.get(miner.kind, 1.0)
    problem = one_query([positive, 0.5, 0.25])
    theirs = mine_with_sentence_transformers(problem, num_negatives=1, **options)
    assert theirs["q", "d0"][0] == ["d1"]
    assert ours(problem, miner, MiningConfig(num_negatives=1))["q", "d0"][0] == ["d2"]


def test_differs_each_positive_sets_its_own_bar() -> None:
    problem = one_query([1.0, 0.5, 0.75, 0.25], positives=2)
    theirs = mine_with_sentence_transformers(problem, num_negatives=1, relative_margin=0.05)
    assert {pair: texts for pair, (texts, _) in theirs.items()} == {("q", "d0"): ["d3"], ("q", "d1"): ["d3"]}
    own = ours(problem, TopKPercPos(threshold=0.95), MiningConfig(num_negatives=1))
    assert {pair: texts for pair, (texts, _) in own.items()} == {("q", "d0"): ["d2"], ("q", "d1"): ["d3"]}


def test_differs_a_shift_counts_ranks_before_the_bar() -> None:
    scores = [1.0, 0.9, 0.8, 0.7, 0.6]
    theirs = mine_with_sentence_transformers(one_query(scores), num_negatives=1, range_min=1, max_score=0.85)
    assert theirs["q", "d0"][0] == ["d3"], "skips the first survivor"
    rule = Rule(bar=np.array([0.85], dtype=np.float32), floor=1)
    ranking = np.array([scores[1:]], dtype=np.float32)
    state = judge(np.full((1, 4), SURVIVOR, dtype=np.int8), ranking, rule, slice(0, 1))
    assert np.flatnonzero(state[0] == SURVIVOR).tolist() == [1, 2, 3], "skips the first rank, d1"


def test_differs_a_copy_of_a_positive_is_excluded_whatever_its_spelling() -> None:
    problem = one_query([1.0, 0.9, 0.8], documents=["The answer", "the  ANSWER ", "other"])
    assert mine_with_sentence_transformers(problem, num_negatives=1)["q", "The answer"][0] == ["the  ANSWER "]
    assert ours(problem, NaiveTopK(), MiningConfig(num_negatives=1))["q", "The answer"][0] == ["other"]


def test_differs_the_text_of_the_query_is_excluded() -> None:
    problem = one_query([0.5, 1.0, 0.25], documents=["answer", "why?", "other"], query="Why?")
    assert mine_with_sentence_transformers(problem, num_negatives=1)["Why?", "answer"][0] == ["why?"]
    assert ours(problem, NaiveTopK(), MiningConfig(num_negatives=1))["Why?", "answer"][0] == ["other"]


def test_differs_the_same_question_under_two_ids_does_not_mine_its_own_answer() -> None:
    collection = collection_of(["a", "b", "c"], ["who?", "Who? "], [(0, 0), (1, 1)])
    problem = Problem(collection, np.array([[1.0, 0.9, 0.5], [0.9, 1.0, 0.5]], dtype=np.float32))
    assert mine_with_sentence_transformers(problem, num_negatives=1)["who?", "a"][0] == ["b"]
    assert ours(problem, NaiveTopK(), MiningConfig(num_negatives=1))["who?", "a"][0] == ["c"]


def test_differs_depth_counts_candidates_and_not_survivors() -> None:
    """Theirs searches range_max + the most positives of any query, and counts range_max after the bar."""
    collection = collection_of(["a", "b", "c", "d"], ["q", "other"], [(0, 0), (1, 0), (1, 1), (1, 2)])
    problem = Problem(collection, np.array([[1.0, 0.9, 0.8, 0.7], [1.0, 1.0, 1.0, 0.9]], dtype=np.float32))
    theirs = mine_with_sentence_transformers(problem, num_negatives=1, range_max=1, max_score=0.75)
    assert theirs["q", "a"][0] == ["d"]
    assert ours(problem, TopKAbs(threshold=0.75), MiningConfig(num_negatives=1, depth=1)) == {}, "b alone is looked at"
    assert ours(problem, TopKAbs(threshold=0.75), MiningConfig(num_negatives=1, depth=3))["q", "a"][0] == ["d"]

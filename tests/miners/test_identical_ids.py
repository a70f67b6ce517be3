"""Queries that are documents: the document with the query's id is no negative of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from experiments.config import MiningConfig, NaiveTopK
from experiments.ir import NO_DOCUMENT
from experiments.miners.depth import fetch_depth
from experiments.miners.mine import Mined, mine
from tests.miners.problems import Problem, beir, random_problem

MINING = MiningConfig(num_negatives=3, depth=8)


def arguments() -> Problem:
    """Query i asks in its own words, but document i bears its id and scores highest for it."""
    made = random_problem(np.random.default_rng(3), documents=90, queries=12, positives=2, twins=False)
    ids = tuple(f"q{i}" for i in range(12)) + made.collection.corpus.ids[12:]
    scores = made.scores.copy()
    scores[range(12), range(12)] = 2.0
    return Problem(replace(made.collection, corpus=replace(made.collection.corpus, ids=ids)), scores)


def mined(problem: Problem, *, flag: bool) -> Mined:
    depth = fetch_depth(problem.collection, mining=MINING, ignore_identical_ids=flag)
    return mine(
        collection=problem.collection,
        data=beir(positives="all", ignore_identical_ids=flag),
        candidates=problem.candidates(depth),
        miner=NaiveTopK(),
        mining=MINING,
        seed=0,
        others=[],
    )


def by_hand(problem: Problem, query: int, *, flag: bool) -> list[int]:
    qrels = problem.collection.splits["train"].qrels
    barred = set(qrels.document[qrels.query == query].tolist()) | ({query} if flag else set())
    order = sorted(range(90), key=lambda d: (-float(problem.scores[query, d]), d))
    return [d for d in order if d not in barred][:3]


def test_the_document_with_the_query_s_id_is_mined_only_without_the_flag() -> None:
    problem = arguments()
    found = {flag: mined(problem, flag=flag).negatives for flag in (True, False)}
    assert len(found[True]) > 8
    for flag, negatives in found.items():
        assert not (negatives.document == NO_DOCUMENT).any()
        for query, documents in zip(negatives.query.tolist(), negatives.document.tolist(), strict=True):
            assert documents == by_hand(problem, query, flag=flag)
    assert not (found[True].document == found[True].query[:, None]).any()
    assert (found[False].document == found[False].query[:, None]).any()


def test_the_search_allows_for_the_document_that_is_left_out() -> None:
    """64 candidates are enough for depth 64, and one too few where the query itself is among them."""
    made = random_problem(np.random.default_rng(0), documents=200, queries=1, positives=0, twins=False)
    corpus = replace(made.collection.corpus, ids=("q0", *made.collection.corpus.ids[1:]))
    collection = replace(made.collection, corpus=corpus)
    mining = MiningConfig(depth=64)
    assert fetch_depth(collection, mining=mining) == 64
    assert fetch_depth(collection, mining=mining, ignore_identical_ids=True) == 128

"""miner=given and mining.same_group against brute force, and what is refused where the data has neither."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.config import GivenNegatives, MiningConfig, NaiveTopK
from experiments.errors import UserError
from experiments.ir import NO_DOCUMENT, Collection, Qrels
from experiments.miners.mine import mine
from experiments.miners.needs import check_needs
from tests.helpers.toy import toy_config
from tests.miners.problems import Problem, beir, collection_of, random_problem


def with_given(collection: Collection, given: list[tuple[int, int, int]]) -> Collection:
    query, document, place = zip(*given, strict=True) if given else ((), (), ())
    rows = Qrels.build(query=query, document=document, grade=place)
    return replace(collection, splits={"train": replace(collection.splits["train"], given=rows)})


def with_parents(collection: Collection, parents: list[str]) -> Collection:
    return replace(collection, corpus=replace(collection.corpus, parents=tuple(parents)))


@given(seed=st.integers(0, 200), shortfall=st.sampled_from(["drop", "fewer", "backfill"]))
def test_given_negatives_are_the_first_that_may_stand(seed: int, shortfall: str) -> None:
    rng = np.random.default_rng(seed)
    problem = random_problem(rng, documents=14, queries=6, positives=2, twins=True)
    lists = {q: rng.permutation(14)[: rng.integers(0, 5)].tolist() for q in range(6)}
    own = [(q, d, place) for q, documents in lists.items() for place, d in enumerate(documents, start=1)]
    collection, mining = with_given(problem.collection, own), MiningConfig(num_negatives=2, shortfall=shortfall)
    data = beir(positives="all")
    candidates = Problem(collection, problem.scores).candidates_for(data, mining)
    mined = mine(
        collection=collection, data=data, candidates=candidates, miner=GivenNegatives(), mining=mining, seed=seed
    )
    texts, questions = collection.corpus.normalised, collection.splits["train"].queries.normalised
    qrels = collection.splits["train"].qrels
    expected = {}
    for q, d in zip(qrels.query.tolist(), qrels.document.tolist(), strict=True):
        shown = {texts[e] for p, e in zip(qrels.query, qrels.document, strict=True) if questions[p] == questions[q]}
        allowed = [e for e in lists[q] if texts[e] not in shown and texts[e] != questions[q]][:2]
        if len(allowed) == 2 or (allowed and shortfall == "fewer") or shortfall == "backfill":
            expected[q, d] = allowed
    found = mined.negatives
    rows = zip(found.query.tolist(), found.positive.tolist(), found.document.tolist(), strict=True)
    got = {(q, d): [e for e in documents if e != NO_DOCUMENT] for q, d, documents in rows}
    if shortfall == "backfill":
        assert all(got[row][: len(documents)] == documents for row, documents in expected.items() if row in got)
    else:
        assert got == expected
        assert mined.facts.given == sum(map(len, expected.values()))
    assert not found.rank.any()
    assert np.isnan(found.score).all()


@given(seed=st.integers(0, 200))
def test_what_shares_a_whole_with_a_shown_positive_is_not_mined(seed: int) -> None:
    rng = np.random.default_rng(seed)
    problem = random_problem(rng, documents=20, queries=5, positives=2, twins=False)
    wholes = [f"w{rng.integers(6)}" for _ in range(20)]
    collection = with_parents(problem.collection, wholes)
    data, keep = beir(positives="all"), MiningConfig(num_negatives=3, depth=6, shortfall="fewer")
    exclude = keep.model_copy(update={"same_group": "exclude"})
    found = {}
    for mining in (keep, exclude):
        candidates = Problem(collection, problem.scores).candidates_for(data, mining)
        found[mining.same_group] = mine(
            collection=collection, data=data, candidates=candidates, miner=NaiveTopK(), mining=mining, seed=seed
        )
    qrels, scores = collection.splits["train"].qrels, problem.scores
    for query, documents in zip(
        found["exclude"].negatives.query.tolist(), found["exclude"].negatives.document.tolist(), strict=True
    ):
        shown = {wholes[d] for q, d in zip(qrels.query, qrels.document, strict=True) if q == query}
        free = [d for d in range(20) if wholes[d] not in shown]
        best = sorted(free, key=lambda d: (-scores[query, d], d))[:3]
        assert [d for d in documents if d != NO_DOCUMENT] == best
    kept = found["keep"].negatives
    together = [
        wholes[d] == wholes[p]
        for p, documents in zip(kept.positive.tolist(), kept.document.tolist(), strict=True)
        for d in documents
        if d != NO_DOCUMENT
    ]
    assert (found["keep"].facts.same_group, found["keep"].facts.same_group_excluded) == (sum(together), None)
    assert found["exclude"].facts.same_group == 0


def test_what_is_not_there_is_refused_in_one_line() -> None:
    collection = collection_of([f"d {i}" for i in range(6)], ["a", "b"], [(0, 0), (1, 1)])
    given_config = toy_config(miner=GivenNegatives())
    with pytest.raises(UserError, match=r"miner=given takes .* made has none"):
        check_needs(given_config, collection)
    own = with_given(collection, [(0, 3, 1), (1, 4, 1)])
    with pytest.raises(UserError, match=r"made has 1 negatives a query at most.*set mining.num_negatives=1"):
        check_needs(given_config, own)
    check_needs(toy_config(miner=GivenNegatives(), mining=MiningConfig(num_negatives=1)), own)
    exclude = toy_config(mining=MiningConfig(num_negatives=2, same_group="exclude"))
    with pytest.raises(UserError, match="nothing says what the documents of made were cut from"):
        check_needs(exclude, collection)
    with pytest.raises(UserError, match="changes nothing: no two documents of made"):
        check_needs(exclude, with_parents(collection, list("abcdef")))
    check_needs(exclude, with_parents(collection, list("aabbcc")))

"""The quantile bar: one gap for the whole run, so that the share it rejects is the same for every teacher."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.config import MiningConfig, NaiveTopK, TopKMarginPos, TopKQuantile
from experiments.miners.mine import Mined, mine
from experiments.miners.reasons import ABOVE_BAR, CHOSEN, SURVIVOR
from tests.miners.problems import Problem, beir, collection_of, random_problem


def run(problem: Problem, miner: NaiveTopK | TopKQuantile | TopKMarginPos, mining: MiningConfig) -> Mined:
    candidates = problem.candidates_for(beir(), mining)
    return mine(collection=problem.collection, data=beir(), candidates=candidates, miner=miner, mining=mining, seed=0)


def test_worked_out_by_hand() -> None:
    """Two queries, positives .5 and .25; gaps of the others: .25, 0, -.25 and .5, .25, -.125, six in all."""
    collection = collection_of(["a", "b", "c", "d"], ["p", "q"], [(0, 0), (1, 0)])
    scores = np.array([[0.5, 0.75, 0.5, 0.25], [0.25, 0.75, 0.5, 0.125]], dtype=np.float32)
    # Of -.25 -.125 0 .25 .25 .5 the quantile .7 lies between the fourth and the fifth (position 3.5): the lower is .25.
    mined = run(Problem(collection, scores), TopKQuantile(quantile=0.7), MiningConfig(num_negatives=1))
    assert mined.negatives.bar.tolist() == [[0.75], [0.5]]
    assert mined.negatives.document.tolist() == [[2], [3]], "what lies at the bar is rejected"
    assert (mined.facts.rejected, mined.facts.candidates) == (3, 6)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    quantile=st.floats(0.01, 1.0),
    anchor=st.sampled_from(["own", "min", "max"]),
    depth=st.integers(4, 14),
    reveal=st.sampled_from([0.0, 0.5]),
)
def test_agrees_with_a_sorted_list(seed: int, quantile: float, anchor: str, depth: int, reveal: float) -> None:
    """The candidates are those that naive mining looks at; their gaps are sorted, and one is taken by its place."""
    problem = random_problem(np.random.default_rng(seed), documents=24, queries=8, positives=3, twins=True)
    mining = MiningConfig.model_validate(
        {"anchor": anchor, "depth": depth, "reveal": reveal, "num_negatives": 1, "shortfall": "fewer"}
    )
    naive, mined = run(problem, NaiveTopK(), mining), run(problem, TopKQuantile(quantile=quantile), mining)
    candidates = problem.candidates_for(beir(), mining)
    anchors = anchors_of(problem, naive, anchor)
    gaps = sorted(
        float(candidates.score[query, column]) - anchors[i]
        for i, (query, _) in enumerate(naive.rows.tolist())
        for column in np.flatnonzero(np.isin(naive.reasons[i], (SURVIVOR, CHOSEN)))
    )
    if not gaps:
        assert len(mined.negatives) == 0
        return
    gap = gaps[math.floor(quantile * (len(gaps) - 1))]
    for i, (query, _) in enumerate(naive.rows.tolist()):
        looked = np.isin(naive.reasons[i], (SURVIVOR, CHOSEN))
        rejected = looked & (candidates.score[query] >= np.float32(anchors[i] + gap))
        np.testing.assert_array_equal(mined.reasons[i] == ABOVE_BAR, rejected)


def anchors_of(problem: Problem, mined: Mined, anchor: str) -> list[float]:
    texts = [" ".join(text.lower().split()) for text in problem.collection.splits["train"].queries.texts]
    found = []
    for query, positive in mined.rows.tolist():
        several = [float(problem.scores[q, d]) for q, d in mined.rows.tolist() if texts[q] == texts[query]]
        found.append({"own": float(problem.scores[query, positive]), "min": min(several), "max": max(several)}[anchor])
    return found


def test_one_value_rejects_the_same_share_of_every_teachers_candidates() -> None:
    rng = np.random.default_rng(3)
    documents, queries = 400, 50
    collection = collection_of(
        [f"d{i}" for i in range(documents)], [f"q{i}" for i in range(queries)], [(q, q) for q in range(queries)]
    )
    cosines = rng.normal(0.3, 0.2, (queries, documents)).astype(np.float32)
    # The same ranking on three scales: cosines, crowded ones as E5's, and logits around zero.
    for scores in (cosines, 0.7 + 0.1 * cosines, 12 * cosines - 9):
        facts = run(Problem(collection, scores), TopKQuantile(quantile=0.8), MiningConfig()).facts
        assert facts.rejected / facts.candidates == pytest.approx(0.2, abs=0.001)


def test_chunks_do_not_change_the_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = random_problem(np.random.default_rng(5), documents=40, queries=60, positives=6, twins=True)
    mining = MiningConfig(depth=30)
    whole = run(problem, TopKQuantile(quantile=0.6), mining)
    monkeypatch.setattr("experiments.miners.chunks.CHUNK_CELLS", 150)
    parts = run(problem, TopKQuantile(quantile=0.6), mining)
    np.testing.assert_array_equal(whole.negatives.bar, parts.negatives.bar)
    assert whole.facts == parts.facts

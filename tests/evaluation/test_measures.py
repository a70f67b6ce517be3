"""Measures by hand and against ir_measures; ties as mteb breaks them."""

from __future__ import annotations

import math

import ir_measures
import numpy as np
import pytest
from ir_measures import AP, R, nDCG

from experiments.evaluation.measures import per_query_measures, reciprocal_rank


def test_a_hand_computed_query() -> None:
    frame = per_query_measures({"q": {"a": 3.0, "b": 2.0, "c": 1.0}}, {"q": {"b": 1, "c": 1, "gone": 1}})
    row = frame.iloc[0]
    ideal = 1 + 1 / math.log2(3) + 1 / math.log2(4)
    assert row["nDCG@10"] == pytest.approx((1 / math.log2(3) + 1 / math.log2(4)) / ideal)
    assert row["R@100"] == pytest.approx(2 / 3)
    assert row["MRR@10"] == pytest.approx(1 / 2)
    assert row["AP@100"] == pytest.approx((1 / 2 + 2 / 3) / 3)


def test_equal_scores_rank_by_id_descending() -> None:
    assert reciprocal_rank({"a": 1.0, "b": 1.0, "c": 0.5}, {"a": 1}, depth=10) == 0.5
    frame = per_query_measures({"q": {"a": 1.0, "b": 1.0}}, {"q": {"a": 1}})
    assert frame.loc[0, "nDCG@10"] == pytest.approx(1 / math.log2(3))


def test_beyond_the_depth_counts_nothing() -> None:
    scores = {f"d{i:02d}": 100.0 - i for i in range(20)}
    assert reciprocal_rank(scores, {"d10": 1}, depth=10) == 0.0
    assert reciprocal_rank(scores, {"d09": 1}, depth=10) == pytest.approx(0.1)


def test_unjudged_queries_are_out_and_a_query_without_results_scores_zero() -> None:
    frame = per_query_measures({"q1": {"a": 1.0}, "q3": {"a": 1.0}}, {"q1": {"a": 1}, "q2": {"a": 1}, "q3": {}})
    assert frame["query_id"].tolist() == ["q1", "q2"]
    assert frame.loc[1].tolist() == ["q2", 0.0, 0.0, 0.0, 0.0]


def test_ndcg_recall_and_ap_agree_with_ir_measures_on_random_graded_runs_with_ties() -> None:
    draw = np.random.default_rng(0)
    ids = [f"d{i}" for i in range(150)]
    run = {f"q{q}": {d: float(s) for d, s in zip(ids, draw.integers(0, 40, 150), strict=True)} for q in range(30)}
    judgments = {q: {d: int(draw.integers(1, 4)) for d in draw.choice(ids, 8, replace=False)} for q in run}
    frame = per_query_measures(run, judgments).set_index("query_id")
    names = {str(measure): measure for measure in (nDCG @ 10, R @ 100, AP @ 100)}
    for found in ir_measures.iter_calc(list(names.values()), judgments, run):
        assert frame.loc[found.query_id, str(found.measure)] == pytest.approx(found.value, abs=1e-12)

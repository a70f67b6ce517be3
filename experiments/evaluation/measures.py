"""Per-query measures of a ranking; equal scores rank by document id, descending, as in mteb."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from experiments.records.schema import MEASURES

Judgments = Mapping[str, Mapping[str, int]]
"""Query id -> document id -> grade."""
Ranking = Mapping[str, Mapping[str, float]]
"""Query id -> document id -> score."""

TREC_NAMES = {"nDCG@10": "ndcg_cut_10", "R@100": "recall_100", "AP@100": "map_cut_100"}


def without_identical_ids(run: Ranking) -> dict[str, dict[str, float]]:
    """The ranking less every document that bears its query's id, which mteb drops after it has saved a ranking."""
    return {
        query: {document: score for document, score in scores.items() if document != query}
        for query, scores in run.items()
    }


def per_query_measures(run: Ranking, judgments: Judgments) -> pd.DataFrame:
    """Columns query_id and record.MEASURES (float64), one row per judged query, sorted by query_id.

    nDCG, R and AP are trec_eval's (through pytrec_eval, as in mteb). A judged query that the run lacks scores 0.
    """
    import pytrec_eval

    judged = {query: dict(relevant) for query, relevant in judgments.items() if relevant}
    full = {query: dict(run.get(query, {})) for query in judged}
    evaluator = pytrec_eval.RelevanceEvaluator(judged, {"ndcg_cut.10", "recall.100", "map_cut.100"})
    scores = evaluator.evaluate(full)
    rows = [
        {
            "query_id": query,
            **{name: scores.get(query, {}).get(trec, 0.0) for name, trec in TREC_NAMES.items()},
            "MRR@10": reciprocal_rank(full[query], judged[query], depth=10),
        }
        for query in sorted(judged)
    ]
    return pd.DataFrame(rows, columns=["query_id", *MEASURES]).astype(dict.fromkeys(MEASURES, "float64"))


def reciprocal_rank(scores: Mapping[str, float], relevant: Mapping[str, int], *, depth: int) -> float:
    """1 / rank of the first relevant document among the first `depth` by (score, document id) descending, else 0."""
    ranked = sorted(scores.items(), key=lambda item: (item[1], item[0]), reverse=True)[:depth]
    hits = (rank for rank, (document, _) in enumerate(ranked, start=1) if relevant.get(document, 0) > 0)
    first = next(hits, None)
    return 1.0 / first if first is not None else 0.0

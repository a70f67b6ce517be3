"""A ranking as a table and back, at full precision."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pandas as pd

from experiments.evaluation.measures import Ranking


def run_frame(run: Ranking) -> pd.DataFrame:
    """query_id, document_id, score (float64, full precision): queries sorted, best first, ties by id descending."""
    queries, documents, scores = [], [], []
    for query in sorted(run):
        ranked = sorted(run[query].items(), key=_score_then_id, reverse=True)
        queries += [query] * len(ranked)
        documents += [document for document, _ in ranked]
        scores += [score for _, score in ranked]
    return pd.DataFrame({"query_id": queries, "document_id": documents, "score": scores})


def _score_then_id(found: tuple[str, float]) -> tuple[float, str]:
    return found[1], found[0]


def read_run(path: Path) -> dict[str, dict[str, float]]:
    """What `run_frame` was made of."""
    frame = pd.read_parquet(path)
    queries, documents, scores = (frame[name].tolist() for name in frame.columns)
    found: dict[str, dict[str, float]] = {}
    for first, last in pairwise([*_starts(queries), len(queries)]):
        ranked = zip(documents[first:last], scores[first:last], strict=True)
        found.setdefault(str(queries[first]), {}).update(ranked)
    return found


def _starts(queries: Sequence[str]) -> list[int]:
    """Where another query begins than on the row before."""
    return [row for row, (one, other) in enumerate(zip(queries, [None, *queries], strict=False)) if one != other]

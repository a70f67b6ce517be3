"""A ranking as a table and back, at full precision."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from experiments.evaluation.measures import Ranking


def run_frame(run: Ranking) -> pd.DataFrame:
    """query_id, document_id, score (float64, full precision): queries sorted, best first, ties by id descending."""
    rows = [(query, document, score) for query, scores in run.items() for document, score in scores.items()]
    frame = pd.DataFrame(rows, columns=["query_id", "document_id", "score"])
    return frame.sort_values(["query_id", "score", "document_id"], ascending=[True, False, False], ignore_index=True)


def read_run(path: Path) -> dict[str, dict[str, float]]:
    """What `run_frame` was made of."""
    frame = pd.read_parquet(path)
    return {
        str(query): dict(zip(group["document_id"], group["score"], strict=True))
        for query, group in frame.groupby("query_id", sort=False)
    }

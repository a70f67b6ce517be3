"""sentence-transformers' own `mine_hard_negatives` over a given matrix of scores."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from datasets import Dataset
from sentence_transformers.util import mine_hard_negatives

from tests.miners.problems import Problem

Rows = dict[tuple[str, str], tuple[list[str], list[float]]]


class ScoreMatrix:
    """Encodes query i as the i-th unit vector and a document as its column of scores: inner products are exact."""

    device = torch.device("cpu")

    def __init__(self, problem: Problem) -> None:
        self.problem = problem

    def encode_query(self, queries: list[str], **_: Any) -> np.ndarray:
        texts = self.problem.collection.splits["train"].queries.texts
        position = {text: i for i, text in reversed(list(enumerate(texts)))}
        return np.eye(len(texts), dtype=np.float32)[[position[text] for text in queries]]

    def encode_document(self, documents: list[str], **_: Any) -> np.ndarray:
        texts = self.problem.collection.corpus.texts
        position = {text: i for i, text in reversed(list(enumerate(texts)))}
        return np.ascontiguousarray(self.problem.scores.T[[position[text] for text in documents]])

    def similarity(self, queries: np.ndarray, documents: torch.Tensor) -> torch.Tensor:
        return torch.from_numpy(queries) @ documents.T

    def similarity_pairwise(self, queries: np.ndarray, documents: torch.Tensor) -> torch.Tensor:
        return (torch.from_numpy(queries) * documents).sum(dim=1)


def mine_with_sentence_transformers(problem: Problem, *, num_negatives: int, **options: Any) -> Rows:
    """(query, positive) -> the texts and scores of its negatives; short rows are dropped. Looks at everything."""
    split, texts = problem.collection.splits["train"], problem.collection.corpus.texts
    pairs = Dataset.from_dict(
        {
            "query": [split.queries.texts[q] for q in split.qrels.query],
            "positive": [texts[d] for d in split.qrels.document],
        }
    )
    options.setdefault("range_max", len(texts))
    mined = mine_hard_negatives(
        pairs,
        ScoreMatrix(problem),  # type: ignore[arg-type]
        corpus=list(texts),
        num_negatives=num_negatives,
        output_format="n-tuple",
        output_scores=True,
        verbose=False,
        **options,
    )
    return {
        (row["query"], row["positive"]): (
            [row[f"negative_{i + 1}"] if num_negatives > 1 else row["negative_1"] for i in range(num_negatives)],
            row["scores"][1:],
        )
        for row in mined
    }

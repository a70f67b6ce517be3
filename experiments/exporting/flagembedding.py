"""Rows as FlagEmbedding fine-tunes on them: JSON lines of a query, its positives and its negatives.

As its loader reads them (FlagEmbedding/abc/finetune/embedder/AbsDataset.py, tried with release 1.4.2): `query`, `pos`
and `neg` are a text and two lists of texts, `pos_scores` and `neg_scores` are read under knowledge distillation alone,
and `prompt` takes the place of the query's instruction where one is given. A line is one training row, so `pos` holds
one text.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from experiments.config import BaseStudent
from experiments.exporting.scored import why_unscored
from experiments.ir import NO_DOCUMENT
from experiments.models.student import encoder_of
from experiments.stages.finished import Finished

FILE = "train.jsonl"


def lines(found: Finished, *, base: BaseStudent) -> tuple[list[dict[str, Any]], tuple[str, ...]]:
    """The lines, and what is to be said about them. base: the student's base model, which says the query's prompt."""
    negatives = found.negatives
    empty = int((negatives.document == NO_DOCUMENT).all(axis=1).sum())
    why = why_unscored(negatives, comparing="row")
    notes = [f"{empty} of {len(negatives)} training rows have no negative: left out"] if empty else []
    if why:
        notes.append(f"{why}: pos_scores and neg_scores are left out, so there is no knowledge distillation")
    return list(_lines(found, scored=not why, prompt=encoder_of(base).query_prompt)), tuple(notes)


def _lines(found: Finished, *, scored: bool, prompt: str) -> Iterator[dict[str, Any]]:
    negatives, corpus = found.negatives, found.collection.corpus
    queries = found.collection.splits["train"].queries.texts
    for r, (query, positive) in enumerate(zip(negatives.query.tolist(), negatives.positive.tolist(), strict=True)):
        held = negatives.document[r] != NO_DOCUMENT
        documents = negatives.document[r][held].tolist()
        if not documents:
            continue
        scores = {
            "pos_scores": [float(negatives.positive_score[r, 0])],
            "neg_scores": negatives.score[r][held].tolist(),
        }
        yield {
            "query": queries[query],
            "pos": [corpus.passages[positive]],
            "neg": [corpus.passages[d] for d in documents],
            **(scores if scored else {}),
            "pos_id": [corpus.ids[positive]],
            "neg_id": [corpus.ids[d] for d in documents],
            "prompt": prompt,
        }


def places(found: Finished) -> tuple[list[int], list[int]]:
    """(row, slot) of every mined negative in the file."""
    rows: list[int] = []
    slots: list[int] = []
    number = 0
    for documents in found.negatives.document:
        count = int((documents != NO_DOCUMENT).sum())
        rows += [number] * count
        slots += range(1, count + 1)
        number += count > 0
    return rows, slots

"""Rows as sentence-transformers trains on them: its own four formats, named as `mine_hard_negatives` names them.

A column is what its place says, so the tables hold texts and labels and nothing else: ids, ranks and scores of every
negative stand in a second table. Two things differ from the library's function. A row is a (query, shown positive)
pair with negatives of its own, because the bar depends on the positive. And a labeled pair that several rows of one
query share stands there once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from experiments.exporting.negatives import Columns, Pairs, numbers, pairs_of
from experiments.exporting.scored import check_scored
from experiments.ir import NO_DOCUMENT
from experiments.stages.finished import Finished


@dataclass(frozen=True)
class Table:
    """columns: in training order. row, slot: (P,) where each mined negative stands, -1 where it is left out."""

    columns: Columns
    row: npt.NDArray[np.int64]
    slot: npt.NDArray[np.int64]
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.columns["anchor"])


def _queries(found: Finished, rows: npt.NDArray[np.int64]) -> list[str]:
    texts = found.collection.splits["train"].queries.texts
    return [texts[q] for q in found.negatives.query[rows]]


def _passages(found: Finished, documents: npt.NDArray[np.int32]) -> list[str]:
    texts = found.collection.corpus.passages
    return [texts[d] for d in documents]


def triplet(found: Finished, *, scores: bool) -> Table:
    """anchor, positive, negative[, scores]: one line for each mined negative."""
    negatives = found.negatives
    rows, slots = pairs_of(negatives)
    columns: Columns = {
        "anchor": _queries(found, rows),
        "positive": _passages(found, negatives.positive[rows]),
        "negative": _passages(found, negatives.document[rows, slots]),
    }
    if scores:
        check_scored(negatives, comparing=None)
        both = np.stack([negatives.positive_score[rows, slots], negatives.score[rows, slots]], axis=1)
        columns["scores"] = both.tolist()
    return Table(columns, np.arange(len(rows)), np.ones(len(rows), dtype=np.int64))


def n_tuple(found: Finished, *, scores: bool) -> Table:
    """anchor, positive, negative_1, ..., negative_n[, scores]: one line a training row that has all n negatives."""
    negatives = found.negatives
    whole = (negatives.document != NO_DOCUMENT).all(axis=1)
    rows = np.nonzero(whole)[0]
    columns: Columns = {"anchor": _queries(found, rows), "positive": _passages(found, negatives.positive[rows])}
    for slot in range(negatives.document.shape[1]):
        columns[f"negative_{slot + 1}"] = _passages(found, negatives.document[rows, slot])
    if scores:
        check_scored(negatives.take(rows), comparing="row")
        every = np.concatenate([negatives.positive_score[rows, :1], negatives.score[rows]], axis=1)
        columns["scores"] = every.tolist()
    left = len(negatives) - len(rows)
    note = f"{left} of {len(negatives)} training rows have fewer negatives than {negatives.document.shape[1]}: left out"
    return Table(columns, *_places(pairs_of(negatives), whole, first=1), (note,) if left else ())


def labeled_list(found: Finished, *, scores: bool) -> Table:
    """anchor, documents, labels (or scores): one line a training row, its positive first, with label 1."""
    negatives = found.negatives
    some = (negatives.document != NO_DOCUMENT).any(axis=1)
    rows = np.nonzero(some)[0]
    held = [documents[documents != NO_DOCUMENT] for documents in negatives.document[rows]]
    columns: Columns = {
        "anchor": _queries(found, rows),
        "documents": [
            _passages(found, np.append(positive, documents))
            for positive, documents in zip(negatives.positive[rows], held, strict=True)
        ],
    }
    if scores:
        check_scored(negatives, comparing="row")
        columns["scores"] = [
            [float(negatives.positive_score[row, 0]), *(s for s in numbers(negatives.score[row]) if s is not None)]
            for row in rows
        ]
    else:
        columns["labels"] = [[1] + [0] * len(documents) for documents in held]
    return Table(columns, *_places(pairs_of(negatives), some, first=1))


def labeled_pair(found: Finished, *, scores: bool) -> Table:
    """anchor, document, label (or score): one line for each (query, document), 1 for a positive and 0 for a negative.

    Positive and negatives stand in the order of the training rows; a negative that an earlier row of the same query
    has is not written again.
    """
    negatives = found.negatives
    if scores:
        check_scored(negatives, comparing="all")
    seen: dict[tuple[int, int], int] = {}
    lines: list[tuple[int, int, int | float]] = []

    def place(query: int, document: int, value: int | float) -> int:
        if (query, document) not in seen:
            seen[query, document] = len(lines)
            lines.append((query, document, value))
        return seen[query, document]

    row = []
    for r, (query, positive) in enumerate(zip(negatives.query.tolist(), negatives.positive.tolist(), strict=True)):
        place(query, positive, float(negatives.positive_score[r, 0]) if scores else 1)
        for slot, document in enumerate(negatives.document[r].tolist()):
            if document != NO_DOCUMENT:
                row.append(place(query, document, float(negatives.score[r, slot]) if scores else 0))
    queries, passages = found.collection.splits["train"].queries.texts, found.collection.corpus.passages
    columns: Columns = {
        "anchor": [queries[query] for query, _, _ in lines],
        "document": [passages[document] for _, document, _ in lines],
        "score" if scores else "label": [value for _, _, value in lines],
    }
    return Table(columns, np.asarray(row, dtype=np.int64), np.ones(len(row), dtype=np.int64))


def _places(pairs: Pairs, kept: npt.NDArray[np.bool_], *, first: int) -> tuple[Any, Any]:
    """(row, slot) of every negative where the training rows under `kept` are written one after the other."""
    rows, _ = pairs
    number = np.where(kept, np.cumsum(kept) - 1, -1)
    start = np.searchsorted(rows, rows, side="left")
    return number[rows], np.arange(len(rows)) - start + first


TABLES: Mapping[str, Callable[..., Table]] = {
    "triplet": triplet,
    "n-tuple": n_tuple,
    "labeled-pair": labeled_pair,
    "labeled-list": labeled_list,
}

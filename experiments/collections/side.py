"""Which queries of a split belong together, and the part of a split that some of its queries are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from experiments.config import CarvedData
from experiments.ir import Corpus, MissingJudgments, Positions, Split, normalise_text

Mask = npt.NDArray[np.bool_]


def train_groups(train: Split, corpus: Corpus, data: CarvedData) -> Positions:
    """(Q,) int32 group of each train query, by its text or its first positive; near-copies share one."""
    if grouped_by(corpus, data) == "query":
        return factorise(train.queries.normalised)
    _, first = np.unique(train.qrels.query, return_index=True)
    documents = train.qrels.document[first]
    return factorise(document_labels(corpus, data, documents))


def grouped_by(corpus: Corpus, data: CarvedData) -> str:
    """`data.group_by`, decided where it is auto."""
    if data.group_by == "auto":
        return "document" if corpus.parents else "query"
    return data.group_by


def document_labels(corpus: Corpus, data: CarvedData, documents: Positions) -> list[str]:
    """What each of the documents is grouped by: what it was cut from, or its title (its id where it has none)."""
    if grouped_by(corpus, data) == "document":
        return [corpus.parents[d] for d in documents]
    return [normalise_text(corpus.titles[d]) or f"\0{corpus.ids[d]}" for d in documents]


def factorise(labels: Iterable[str]) -> Positions:
    """Labels as int32 numbers, in order of their first appearance."""
    number: dict[str, int] = {}
    return np.array([number.setdefault(label, len(number)) for label in labels], dtype=np.int32)


def queries_where(split: Split, mask: Mask) -> Split:
    """The queries under `mask` (Q,) bool, and their judgments; judgments of no query (NO_QUERY) stay behind."""
    kept = np.flatnonzero(mask).astype(np.int32)
    new_position = np.cumsum(mask, dtype=np.int32) - 1
    nonrelevant, missing = split.nonrelevant, split.missing
    return replace(
        split,
        queries=split.queries.take(kept),
        qrels=split.qrels.take(mask[split.qrels.query], query=new_position),
        given=split.given.take(mask[split.given.query], query=new_position),
        nonrelevant=nonrelevant.take((nonrelevant.query >= 0) & mask[nonrelevant.query], query=new_position),
        missing=MissingJudgments.build(
            (int(new_position[query]), document, grade) for query, document, grade in missing.rows() if mask[query]
        ),
    )

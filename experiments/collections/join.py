"""Puts the collections of a mixture side by side: one corpus, one set of training queries, ids `part/id`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np

from experiments.ir import NO_QUERY, Collection, Corpus, MissingJudgments, Positions, Qrels, Queries, Split


@dataclass(frozen=True)
class Offsets:
    """Where a part's documents and training queries begin in the joined collection."""

    document: int
    query: int


def join_collections(name: str, parts: Mapping[str, Collection]) -> Collection:
    """All parts as one collection, in their order; a single one is given back as it is.

    Each split holds that split of every part which has one. Nothing is counted in the report: the parts have theirs.
    """
    if len(parts) == 1:
        return next(iter(parts.values()))
    return Collection(
        name=name,
        corpus=_join_corpora(parts),
        splits={
            split: _join_splits(parts, split) for split in sorted({s for one in parts.values() for s in one.splits})
        },
        minable=np.concatenate([one.minable for one in parts.values()]),
        report={},
    )


def offsets(parts: Mapping[str, Collection]) -> dict[str, Offsets]:
    """Of each part, in the order of the parts; a part without a train split has no training queries."""
    documents = _starts([len(one.corpus) for one in parts.values()])
    queries = _starts([len(one.splits["train"].queries) if "train" in one.splits else 0 for one in parts.values()])
    return {name: Offsets(*place) for name, place in zip(parts, zip(documents, queries, strict=True), strict=True)}


def part_of_query(parts: Mapping[str, Collection], query: Positions) -> Positions:
    """(R,) int32: the part, counted in order, that each training query of the joined collection comes from."""
    starts = [place.query for place in offsets(parts).values()]
    return (np.searchsorted(starts, query, side="right") - 1).astype(np.int32)


def _starts(sizes: Sequence[int]) -> list[int]:
    return [0, *accumulate(sizes)][:-1]


def _join_corpora(parts: Mapping[str, Collection]) -> Corpus:
    return Corpus(
        ids=tuple(f"{name}/{one}" for name, part in parts.items() for one in part.corpus.ids),
        titles=tuple(title for part in parts.values() for title in part.corpus.titles),
        texts=tuple(text for part in parts.values() for text in part.corpus.texts),
    )


def _join_splits(parts: Mapping[str, Collection], split: str) -> Split:
    there = {name: part.splits[split] for name, part in parts.items() if split in part.splits}
    documents = {name: place.document for name, place in offsets(parts).items()}
    queries = dict(zip(there, _starts([len(one.queries) for one in there.values()]), strict=True))
    return Split(
        queries=Queries(
            ids=tuple(f"{name}/{one}" for name, part in there.items() for one in part.queries.ids),
            texts=tuple(text for part in there.values() for text in part.queries.texts),
        ),
        qrels=_join_qrels((one.qrels, queries[name], documents[name]) for name, one in there.items()),
        nonrelevant=_join_qrels((one.nonrelevant, queries[name], documents[name]) for name, one in there.items()),
        given=_join_qrels((one.given, queries[name], documents[name]) for name, one in there.items()),
        missing=MissingJudgments.build(
            (query + queries[name], f"{name}/{document}", grade)
            for name, one in there.items()
            for query, document, grade in one.missing.rows()
        ),
    )


def _join_qrels(parts: Iterable[tuple[Qrels, int, int]]) -> Qrels:
    """Each with the positions at which its queries and documents begin."""
    moved = [
        (np.where(qrels.query == NO_QUERY, NO_QUERY, qrels.query + query), qrels.document + document, qrels.grade)
        for qrels, query, document in parts
    ]
    query, document, grade = (np.concatenate(arrays) for arrays in zip(*moved, strict=True))
    return Qrels.build(query=query, document=document, grade=grade)

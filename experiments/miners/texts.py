"""Equal texts: the queries that ask the same, the documents that say the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from experiments.ir import Collection, Corpus, first_equal, text_keys
from experiments.memo import remembered


@dataclass(frozen=True)
class TextGroups:
    """Q train queries and N documents, by normalised text.

    query: (Q,) int64, the first train query of the same text. own: (Q,) int64, the class of documents that say what
    the query says, -1 where there is none. named: (Q,) int64, the document that bears the query's id where
    `data.ignore_identical_ids` takes it for the query itself, else -1.
    document: (N,) int64, the first document of the same text.
    members: (N,) int64, documents ordered by class; those of class c stand at start[c]:start[c] + size[c].
    """

    query: npt.NDArray[np.int64]
    own: npt.NDArray[np.int64]
    named: npt.NDArray[np.int64]
    document: npt.NDArray[np.int64]
    members: npt.NDArray[np.int64]
    start: npt.NDArray[np.int64]
    size: npt.NDArray[np.int64]

    def expand(
        self, group: npt.NDArray[np.integer], classes: npt.NDArray[np.integer]
    ) -> tuple[npt.NDArray[np.integer], npt.NDArray[np.int64]]:
        """Pairs (group, class of documents) -> pairs (group, document), every document of the class."""
        size = self.size[classes]
        within = np.arange(size.sum()) - np.repeat(np.cumsum(size) - size, size)
        return np.repeat(group, size), self.members[np.repeat(self.start[classes], size) + within]


def group_texts(collection: Collection, *, ignore_identical_ids: bool = False) -> TextGroups:
    """Groups of the train split's queries and of the corpus; found once for a collection."""
    return remembered(
        collection, ("texts", ignore_identical_ids), lambda: _group_texts(collection, ignore_identical_ids)
    )


def _group_texts(collection: Collection, ignore_identical_ids: bool) -> TextGroups:
    split = collection.splits["train"]
    queries, ids = split.queries.normalised, split.queries.ids
    named = _named(collection.corpus.ids, ids) if ignore_identical_ids else np.full(len(ids), -1)
    document = collection.corpus.first_equal
    size = np.bincount(document, minlength=len(document))
    return TextGroups(
        query=first_equal(text_keys(queries)),
        own=_saying(collection.corpus, queries),
        named=named,
        document=document,
        members=np.argsort(document, kind="stable"),
        start=np.cumsum(size) - size,
        size=size,
    )


def _saying(corpus: Corpus, queries: Sequence[str]) -> npt.NDArray[np.int64]:
    """(Q,) int64, the first document whose normalised text is each query's; -1 where there is none."""
    asked = text_keys(queries)
    alike = np.flatnonzero(np.isin(corpus.keys[:, 0], asked[:, 0]))
    first = {corpus.keys[document].tobytes(): int(document) for document in alike[::-1]}
    return np.fromiter((first.get(key.tobytes(), -1) for key in asked), dtype=np.int64, count=len(asked))


def _named(documents: Sequence[str], queries: Sequence[str]) -> npt.NDArray[np.int64]:
    """(Q,) int64, the document that bears each query's id; -1 where there is none."""
    asked = set(queries)
    at = {name: i for i, name in enumerate(documents) if name in asked}
    return np.fromiter((at.get(name, -1) for name in queries), dtype=np.int64, count=len(queries))

"""Turns mined negatives into what training reads: texts per row, and which texts are the same."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from experiments.ir import NO_DOCUMENT, Collection, Negatives, hash_texts, normalise_text
from experiments.training.batch import RowGroups
from experiments.training.collator import DOCUMENTS, QUERY, ROW

if TYPE_CHECKING:
    from datasets import Dataset


def row_documents(negatives: Negatives) -> npt.NDArray[np.int32]:
    """(R, 1 + n) positions: the shown positive, then the negatives in order, NO_DOCUMENT where padded."""
    return np.concatenate([negatives.positive[:, None], negatives.document], axis=1)


def row_ids(collection: Collection, negatives: Negatives) -> list[list[str]]:
    """Per row its query id, positive id and ordered negative ids; what a student is named after."""
    queries, corpus = collection.splits["train"].queries, collection.corpus
    return [
        [queries.ids[query], *(corpus.ids[d] for d in documents if d != NO_DOCUMENT)]
        for query, documents in zip(negatives.query, row_documents(negatives), strict=True)
    ]


def row_texts_hash(collection: Collection, negatives: Negatives) -> str:
    """Over all texts that the rows hold, in order."""
    return hash_texts(
        text for query, documents in _texts(collection, negatives) for text in (query, str(len(documents)), *documents)
    )


def row_groups(collection: Collection, negatives: Negatives) -> RowGroups:
    """The same number for queries, and for documents, whose normalised texts are equal."""
    queries, documents = collection.splits["train"].queries.texts, row_documents(negatives)
    used = np.unique(documents[documents != NO_DOCUMENT])
    number = np.full(len(collection.corpus) + 1, NO_DOCUMENT, dtype=np.int64)
    number[used] = _numbers(collection.corpus.passages[d] for d in used)
    return RowGroups(query=_numbers(queries[q] for q in negatives.query), document=number[documents])


def row_dataset(collection: Collection, negatives: Negatives) -> Dataset:
    """R rows for `collator.RowCollator`; padding is an empty text, which the loss masks."""
    from datasets import Dataset

    width = 1 + negatives.document.shape[1]
    texts = list(_texts(collection, negatives))
    return Dataset.from_dict(
        {
            QUERY: [query for query, _ in texts],
            DOCUMENTS: [[*documents, *[""] * (width - len(documents))] for _, documents in texts],
            ROW: list(range(len(texts))),
        }
    )


def _texts(collection: Collection, negatives: Negatives) -> Iterable[tuple[str, list[str]]]:
    queries, passages = collection.splits["train"].queries.texts, collection.corpus.passages
    for query, documents in zip(negatives.query, row_documents(negatives), strict=True):
        yield queries[query], [passages[d] for d in documents if d != NO_DOCUMENT]


def _numbers(texts: Iterable[str]) -> npt.NDArray[np.int64]:
    seen: dict[str, int] = {}
    return np.asarray([seen.setdefault(normalise_text(text), len(seen)) for text in texts], dtype=np.int64)

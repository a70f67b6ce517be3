"""Which evaluation queries belong together, because they were written from one article or one source file."""

from __future__ import annotations

from collections import Counter

import numpy as np

from experiments.ir import Corpus, Positions, Split, hash_texts, normalise_text

SOURCE_MARK = "::"
"""Between a source file and the name of what it documents, in the ids of data=docstrings."""


def query_groups(corpus: Corpus, split: Split) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(ids of the judged queries, the group of each): the group of a query is that of its first judged document.

    A document's group is the whole that it was cut from where the corpus knows (`data.group_by: document`). Else it is
    its source file where its id names one, else its title where several documents share it (an article cut into
    passages), else its text, so that exact copies are one. Queries whose documents are all missing are
    groups of their own.
    """
    qrels = split.qrels
    judged, first = np.unique(qrels.query, return_index=True)
    labels = _document_groups(corpus, qrels.document[first])
    found = {int(query): label for query, label in zip(judged, labels, strict=True)}
    asked = [int(query) for query in split.judged_queries]
    ids = tuple(split.queries.ids[query] for query in asked)
    return ids, tuple(found.get(query, f"query {split.queries.ids[query]}") for query in asked)


def _document_groups(corpus: Corpus, documents: Positions) -> list[str]:
    if corpus.parents:
        return [f"document {corpus.parents[document]}" for document in documents]
    titles = Counter(normalise_text(title) for title in corpus.titles)
    return [_document_group(corpus, int(document), titles) for document in documents]


def _document_group(corpus: Corpus, document: int, titles: Counter[str]) -> str:
    name, mark, _ = corpus.ids[document].partition(SOURCE_MARK)
    if mark and name:
        return f"file {name}"
    title = normalise_text(corpus.titles[document])
    if title and titles[title] > 1:
        return f"article {title}"
    return f"text {hash_texts([corpus.normalised[document]])[:16]}"

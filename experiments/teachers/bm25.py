"""BM25 (Lucene's variant) through bm25s: its tokenizer and its score matrix, every pair exact."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, cast

import numpy as np

from experiments.config import Bm25Teacher
from experiments.errors import UserError
from experiments.ir import Scores
from experiments.teachers.ranking import ScoreRows
from experiments.teachers.teacher import Prepared, Question, Tools, by_rows

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

StemWords = Callable[[list[str]], list[str]]


def prepare(teacher: Bm25Teacher, question: Question, _tools: Tools) -> Prepared:
    """Scores whole rows of the corpus; nothing is read but the texts."""
    return by_rows(
        teacher,
        question,
        lambda: bm25_rows(teacher, queries=question.queries, passages=question.collection.corpus.passages),
    )


def bm25_rows(teacher: Bm25Teacher, *, queries: Sequence[str], passages: Sequence[str]) -> ScoreRows:
    """Scores of every passage for slices of `queries`: the sum over the query's tokens of bm25s' own matrix.

    bm25s' `retrieve` breaks ties as it likes and returns no score for a document outside its top k.
    """
    documents, vocabulary = _index(teacher, passages)
    counts = _token_counts(_tokenize(teacher, queries), vocabulary, width=documents.shape[0])

    def score_rows(chunk: slice) -> Scores:
        product = counts[chunk] @ documents
        return np.asarray(product.toarray(), dtype=np.float32)

    return score_rows


def _index(teacher: Bm25Teacher, passages: Sequence[str]) -> tuple[csr_matrix, dict[str, int]]:
    """(V, N) float32 token-document scores, and the vocabulary, in alphabetical order.

    bm25s numbers tokens in the order of a set, which another process has another of: sums would differ in the last bit.
    """
    import bm25s
    from scipy.sparse import csr_matrix

    tokens = _tokenize(teacher, passages)
    index = bm25s.BM25(method="lucene", k1=teacher.k1, b=teacher.b, backend="numpy")
    index.index(tokens, show_progress=False)
    scores = index.scores
    shape = (len(scores["indptr"]) - 1, len(passages))
    matrix = csr_matrix((scores["data"], scores["indices"], scores["indptr"]), shape=shape)
    names = sorted(name for name, row in index.vocab_dict.items() if row < shape[0])
    return matrix[[index.vocab_dict[name] for name in names]], {name: row for row, name in enumerate(names)}


def _token_counts(queries: list[list[str]], vocabulary: dict[str, int], *, width: int) -> csr_matrix:
    """(Q, V) float32: how often each known token stands in each query."""
    from scipy.sparse import csr_matrix

    known = [[vocabulary[token] for token in query if token in vocabulary] for query in queries]
    column = np.fromiter((token for query in known for token in query), dtype=np.int64)
    row = np.repeat(np.arange(len(known)), [len(query) for query in known])
    ones = np.ones(len(column), dtype=np.float32)
    counts = csr_matrix((ones, (row, column)), shape=(len(queries), width))
    counts.sum_duplicates()
    return counts


def _tokenize(teacher: Bm25Teacher, texts: Sequence[str]) -> list[list[str]]:
    import bm25s

    tokens: list[list[str]] = bm25s.tokenize(
        list(texts),
        stopwords="en" if teacher.stopwords == "english" else [],
        stemmer=_stemmer() if teacher.stemmer == "english" else None,
        return_ids=False,
        show_progress=False,
    )
    return tokens


def _stemmer() -> StemWords:
    try:
        import Stemmer
    except ModuleNotFoundError as error:
        raise UserError("teacher.stemmer=english needs PyStemmer: pip install PyStemmer, or stemmer=none") from error
    return cast(StemWords, Stemmer.Stemmer("english").stemWords)

"""BM25 and chance against their own definitions, and the assembly of candidates."""

import bm25s
import numpy as np
import pytest

from experiments.config import Bm25Teacher, RandomTeacher
from experiments.errors import UserError
from experiments.ir import NO_DOCUMENT, Qrels
from experiments.teachers import order
from experiments.teachers.bm25 import bm25_rows
from experiments.teachers.random import random_rows
from experiments.teachers.ranking import finite_rows, rank_rows, to_candidates
from tests.teachers.small import collection

PASSAGES = ("sparse sparse matrix", "", "graph path", "the of", "matrix graph solve", "sparse sparse matrix")


@pytest.mark.parametrize("teacher", [Bm25Teacher(), Bm25Teacher(k1=0.9, b=0.4, stopwords="none")])
def test_bm25_scores_are_those_of_bm25s(teacher: Bm25Teacher) -> None:
    small = collection(documents=200)
    passages = [*small.corpus.passages, *PASSAGES]
    queries = ("sparse matrix", "sparse sparse sparse graph", "nothing known here", "", "the path of the graph")
    ours = bm25_rows(teacher, queries=queries, passages=passages)(slice(0, len(queries)))

    stopwords = "en" if teacher.stopwords == "english" else []
    index = bm25s.BM25(method="lucene", k1=teacher.k1, b=teacher.b)
    index.index(bm25s.tokenize(passages, stopwords=stopwords, show_progress=False), show_progress=False)
    tokens = bm25s.tokenize(list(queries[:2]), stopwords=stopwords, return_ids=False, show_progress=False)
    for row, query in zip(ours, tokens, strict=False):
        assert np.allclose(row, index.get_scores(query), rtol=1e-6)
        found, score = index.retrieve([query], k=20, show_progress=False)
        assert np.allclose(np.sort(row)[::-1][:20], score[0], rtol=1e-6)
        assert np.allclose(row[found[0]], score[0], rtol=1e-6)
    assert not ours[2:4].any()
    assert ours.shape == (5, len(passages))


def test_bm25_fills_its_depth_with_documents_that_score_nothing_in_corpus_order() -> None:
    score = bm25_rows(Bm25Teacher(), queries=["graph"], passages=PASSAGES)(slice(0, 1))
    assert order.top_k(score, 6)[0].tolist() == [2, 4, 0, 1, 3, 5]


def test_the_stemmer_joins_forms_of_a_word() -> None:
    scores = [
        bm25_rows(Bm25Teacher(stemmer=stemmer), queries=["graphs"], passages=PASSAGES)(slice(0, 1))[0]
        for stemmer in ("none", "english")
    ]
    assert not scores[0].any()
    assert np.nonzero(scores[1])[0].tolist() == [2, 4]


def test_chance_depends_on_seed_query_and_position_alone() -> None:
    first = random_rows(RandomTeacher(), queries=["a", "b"], documents=5000)(slice(0, 2))
    swapped = random_rows(RandomTeacher(), queries=["b", "a"], documents=4000)(slice(0, 2))
    assert np.array_equal(first[::-1, :4000], swapped)
    assert not np.isclose(
        first[0], random_rows(RandomTeacher(seed=1), queries=["a"], documents=5000)(slice(0, 1))
    ).all()
    assert first.dtype == np.float32
    assert first.min() >= 0.0
    assert first.max() < 1.0
    assert np.allclose(np.histogram(first, bins=10, range=(0, 1))[0] / first.size, 0.1, atol=0.01)
    assert abs(np.corrcoef(first)[0, 1]) < 0.05


def test_rows_rank_the_minable_and_score_every_judged_pair(monkeypatch: pytest.MonkeyPatch) -> None:
    small = collection(minable_share=0.5)
    qrels = small.splits["train"].qrels
    scores = np.random.default_rng(0).integers(0, 4, size=(12, 60)).astype(np.float32)
    monkeypatch.setattr(order, "CHUNK_SCORES", 150)
    ranking = rank_rows(lambda rows: scores[rows], collection=small, queries=12, qrels=qrels, depth=10)
    found = to_candidates(ranking, qrels=qrels, depth=10)

    minable = np.nonzero(small.minable)[0]
    expected = [sorted(minable, key=lambda d: (-row[d], d))[:10] for row in scores]
    assert found.document.tolist() == np.array(expected).tolist()
    assert np.array_equal(found.positive_score, scores[qrels.query, qrels.document])
    ranks = [
        expected[q].index(d) + 1 if d in expected[q] else 11 for q, d in zip(qrels.query, qrels.document, strict=True)
    ]
    assert found.positive_rank.tolist() == ranks


def test_candidates_are_padded_where_there_are_too_few_documents() -> None:
    small = collection(minable_share=0.1, seed=3)
    count = int(small.minable.sum())
    qrels: Qrels = small.splits["train"].qrels
    rows = random_rows(RandomTeacher(), queries=small.splits["train"].queries.texts, documents=60)
    found = to_candidates(rank_rows(rows, collection=small, queries=12, qrels=qrels, depth=20), qrels=qrels, depth=20)
    assert found.document.shape == (12, 20)
    assert (found.document[:, count:] == NO_DOCUMENT).all()
    assert np.isnan(found.score[:, count:]).all()
    assert set(found.document[:, :count].ravel()) == set(np.nonzero(small.minable)[0])


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
def test_a_score_that_is_not_finite_is_refused_by_name_of_teacher_and_texts(number: float) -> None:
    small = collection()
    queries, passages = small.splits["train"].queries.texts, small.corpus.passages
    scores = np.zeros((len(queries), len(passages)), dtype=np.float32)
    scores[7, 11] = number
    rows = finite_rows(lambda chunk: scores[chunk], name="my-teacher", queries=queries, passages=passages)
    assert np.array_equal(rows(slice(0, 7)), scores[:7])
    with pytest.raises(UserError) as caught:
        rows(slice(5, 12))
    for part in ("teacher my-teacher", f"query {queries[7]!r}", f"document {passages[11]!r}", f"score {number}"):
        assert part in str(caught.value)

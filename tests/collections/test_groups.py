"""Which evaluation queries are grouped: by source file, by shared title, by equal text, else alone."""

from __future__ import annotations

from experiments.collections.groups import query_groups
from experiments.ir import Corpus, Qrels, Queries, Split


def split(pairs: list[tuple[int, int]], queries: int) -> Split:
    ids = tuple(f"q{i}" for i in range(queries))
    query, document = zip(*pairs, strict=True)
    qrels = Qrels.build(query=query, document=document, grade=[1] * len(pairs))
    return Split(queries=Queries(ids=ids, texts=ids), qrels=qrels)


def test_queries_share_the_group_of_their_first_judged_document() -> None:
    corpus = Corpus(
        ids=("pkg/a.py::f", "pkg/a.py::g", "p1", "p2", "p3", "c1", "c2", "alone"),
        titles=("", "", "Rome", "rome ", "Oslo", "", "", ""),
        texts=("one", "two", "three", "four", "five", "Same  text", "same text", "other"),
    )
    pairs = [(0, 0), (1, 1), (2, 2), (3, 3), (4, 4), (5, 5), (6, 6), (7, 7), (8, 3), (8, 7)]
    ids, groups = query_groups(corpus, split(pairs, 9))
    assert ids == tuple(f"q{i}" for i in range(9))
    assert groups[0] == groups[1] == "file pkg/a.py"
    assert groups[2] == groups[3] == groups[8] == "article rome"
    assert groups[5] == groups[6]
    assert len({groups[4], groups[5], groups[7], groups[0], groups[2]}) == 5


def test_queries_without_a_judgment_have_no_group() -> None:
    corpus = Corpus(ids=("a", "b"), titles=("", ""), texts=("one", "two"))
    assert query_groups(corpus, split([(1, 0)], 3))[0] == ("q1",)

"""The nouns hash what they hold and nothing else."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from experiments.ir import Collection, Corpus, Qrels, Queries, Split, hash_texts, normalise_text


def make_collection(*, texts: tuple[str, ...] = ("x", "y"), report: dict[str, int] | None = None) -> Collection:
    queries = Queries(ids=("q",), texts=("what",))
    qrels = Qrels.build(query=[0], document=[1], grade=[1])
    return Collection(
        name="toy",
        corpus=Corpus(ids=("a", "b"), titles=("", "T"), texts=texts),
        splits={"train": Split(queries=queries, qrels=qrels)},
        minable=np.array([True, True]),
        report=report or {},
    )


@given(st.lists(st.text()), st.lists(st.text()))
def test_texts_hash_equal_only_when_equal(left: list[str], right: list[str]) -> None:
    assert (hash_texts(left) == hash_texts(right)) == (left == right)


def test_normalised_text_is_what_a_reader_sees() -> None:
    assert normalise_text("  The\tInverse of\n a MATRIX ") == normalise_text("the inverse of a matrix")
    assert normalise_text("\ufb01le") == "file"


def test_passages_join_title_and_text_as_mteb_does() -> None:
    assert make_collection().corpus.passages == ("x", "T y")


def test_qrels_are_sorted_by_query_then_document() -> None:
    qrels = Qrels.build(query=[1, 0, 1], document=[2, 5, 0], grade=[1, 2, 3])
    assert (qrels.query.tolist(), qrels.document.tolist(), qrels.grade.tolist()) == ([0, 1, 1], [5, 0, 2], [2, 3, 1])


def test_a_collections_hash_covers_content_and_not_the_report() -> None:
    assert make_collection(report={"dangling": 3}).content_hash == make_collection().content_hash
    assert make_collection(texts=("x", "z")).content_hash != make_collection().content_hash
    masked = make_collection()
    other = Collection(**{**masked.__dict__, "minable": np.array([True, False])})
    assert other.content_hash != masked.content_hash

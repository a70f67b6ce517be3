"""Collections side by side: every document, query and judgment stands where its offset says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from experiments.collections.join import join_collections, offsets, part_of_query
from experiments.ir import NO_QUERY, Collection, MissingJudgments, Qrels, Split
from tests.helpers.toy import toy_collection


@pytest.fixture(scope="module")
def parts() -> dict[str, Collection]:
    first = toy_collection(documents=30, queries=7, positives=2, seed=1)
    second = toy_collection(documents=20, queries=5, seed=2)
    judged = Qrels.build(query=[NO_QUERY, 1], document=[4, 9], grade=[0, 0])
    missing = MissingJudgments.build([(3, "gone", 2)])
    second = replace(
        second,
        splits={
            "train": second.splits["train"],
            "test": replace(second.splits["test"], nonrelevant=judged, missing=missing),
        },
        minable=np.arange(20) % 2 == 0,
    )
    return {"a": first, "b": second}


def named(collection: Collection, split: Split) -> set[tuple[str, str, int]]:
    qrels = split.qrels
    return {
        (split.queries.ids[q], collection.corpus.ids[d], int(g))
        for q, d, g in zip(qrels.query, qrels.document, qrels.grade, strict=True)
    }


def test_judgments_point_to_the_same_texts(parts: dict[str, Collection]) -> None:
    joined = join_collections("both", parts)
    assert set(joined.splits) == {"train", "dev", "test"}
    for name, split in joined.splits.items():
        assert named(joined, split) == {
            (f"{part}/{query}", f"{part}/{document}", grade)
            for part, one in parts.items()
            if name in one.splits
            for query, document, grade in named(one, one.splits[name])
        }
    assert joined.corpus.passages == (*parts["a"].corpus.passages, *parts["b"].corpus.passages)
    assert joined.minable.tolist() == [*parts["a"].minable, *parts["b"].minable]


def test_judgments_of_no_query_and_of_missing_documents_stay_what_they_are(parts: dict[str, Collection]) -> None:
    test = join_collections("both", parts).splits["test"]
    assert test.nonrelevant.query.tolist() == [NO_QUERY, 7 + 1]
    assert test.nonrelevant.document.tolist() == [30 + 4, 30 + 9]
    assert list(test.missing.rows()) == [(7 + 3, "b/gone", 2)]


def test_each_training_query_knows_its_part(parts: dict[str, Collection]) -> None:
    train = join_collections("both", parts).splits["train"]
    found = part_of_query(parts, np.arange(len(train.queries), dtype=np.int32))
    assert [list(parts)[i] for i in found] == [name.split("/")[0] for name in train.queries.ids]
    assert [place.document for place in offsets(parts).values()] == [0, 30]


def test_a_single_collection_is_itself(parts: dict[str, Collection]) -> None:
    assert join_collections("both", {"a": parts["a"]}) is parts["a"]

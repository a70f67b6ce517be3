"""What training may not see is taken out of every collection, whatever reader it came from."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.collections.carve import without_evaluated
from experiments.collections.splits import LEAKING_ELSEWHERE, require_split
from experiments.config import BeirData
from experiments.errors import UserError
from experiments.ir import Queries, normalise_text
from tests.helpers.toy import toy_collection

DATA = BeirData(name="toy")
WORDS = st.lists(st.sampled_from(["Alpha", "beta", "GAMMA", "delta  one", "ﬁve"]), max_size=6)


def queries(*texts: str) -> Queries:
    return Queries(ids=tuple(f"x{i}" for i in range(len(texts))), texts=texts)


def test_nothing_in_common_changes_nothing() -> None:
    collection = toy_collection()
    assert without_evaluated(collection, DATA, []) is collection
    assert without_evaluated(collection, DATA, [collection.splits["test"].queries]) is collection


@given(train=WORDS.filter(bool), others=st.lists(WORDS, max_size=3))
def test_exactly_the_queries_that_are_evaluated_elsewhere_leave_train(
    train: list[str], others: list[list[str]]
) -> None:
    collection = toy_collection(queries=len(train))
    split = collection.splits["train"]
    asked = replace(split, queries=replace(split.queries, texts=tuple(train)))
    collection = replace(collection, splits={**collection.splits, "train": asked})
    reduced = without_evaluated(collection, DATA, [queries(*(f" {t.upper()}\n" for t in other)) for other in others])
    seen = {normalise_text(text) for other in others for text in other}
    kept = [i for i, text in enumerate(train) if normalise_text(text) not in seen]
    if not kept:
        assert set(reduced.splits) == {"dev", "test"}
        with pytest.raises(UserError, match=rf"all {len(train)} train queries of toy are also queries that are"):
            require_split(reduced, "train", "this run trains")
        return
    left = reduced.splits["train"]
    assert left.queries.ids == tuple(asked.queries.ids[i] for i in kept)
    assert left.qrels.query.tolist() == list(range(len(kept)))
    assert left.qrels.document.tolist() == kept  # toy: query i asks for document i
    assert reduced.report.get(LEAKING_ELSEWHERE, 0) == len(train) - len(kept)
    assert (reduced.content_hash == collection.content_hash) == (len(kept) == len(train))


def test_what_may_be_mined_follows_the_queries_that_are_left() -> None:
    collection = toy_collection(queries=4)
    other = queries(collection.splits["train"].queries.texts[2])
    data = BeirData(name="toy", mining_corpus="train")
    assert np.flatnonzero(without_evaluated(collection, data, [other]).minable).tolist() == [0, 1, 3]
    assert without_evaluated(collection, DATA, [other]).minable.all()

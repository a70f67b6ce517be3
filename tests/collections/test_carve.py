"""What training may not see is taken out of every collection, whatever reader it came from."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.collections.carve import carve, without_evaluated
from experiments.collections.docstring_source import Pair
from experiments.collections.docstrings import group, sample
from experiments.collections.raw import RawCollection
from experiments.collections.splits import LEAKING, LEAKING_ELSEWHERE, require_split
from experiments.config import BeirData, DocstringsData
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


def test_leaks_leave_train_whatever_the_reader() -> None:
    toy = toy_collection(queries=6)
    train, test = toy.splits["train"], toy.splits["test"]
    asked = (test.queries.texts[3].upper(), *train.queries.texts[1:])
    splits = {**toy.splits, "train": replace(train, queries=replace(train.queries, texts=asked))}
    raw = RawCollection(name="toy", corpus=toy.corpus, splits=splits, report={"groups": 7})
    for data in (DocstringsData(), DATA):
        collection = carve(raw, data)
        assert collection.splits["train"].queries.ids == train.queries.ids[1:]
        assert collection.report == {"groups": 7, LEAKING: 1, "evaluation_texts_in_several_splits": 0}


def test_what_is_carved_is_what_committed_runs_were_recorded_on(real_pairs: list[Pair]) -> None:
    groups = group(real_pairs)
    recorded: dict[DocstringsData, set[str]] = {}
    for path in (Path(__file__).parents[2] / "results" / "records").glob("*/*.json"):
        record = json.loads(path.read_text(encoding="utf-8"))
        if record["config"]["data"]["kind"] == "docstrings":
            data = DocstringsData.model_validate(record["config"]["data"])
            recorded.setdefault(data, set()).add(record["collections"]["docstrings"]["content_hash"])
    assert recorded
    for data, hashes in recorded.items():
        assert hashes == {carve(sample(groups, data), data).content_hash}

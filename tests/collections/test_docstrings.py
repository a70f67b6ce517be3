from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from experiments.collections.carve import carve
from experiments.collections.docstring_source import Pair
from experiments.collections.docstrings import Group, group, sample
from experiments.collections.draw import draw_train_queries
from experiments.collections.raw import RawCollection
from experiments.config import BeirData, DocstringsData, SplitShares
from experiments.errors import UserError
from experiments.ir import Split, normalise_text

DATA = DocstringsData(
    passages=150,
    train_queries=20,
    dev_queries=10,
    test_queries=30,
    multi_share=SplitShares(train=0.5, dev=0.2, test=0.1),
)


def _groups(single: int = 150, several: int = 30) -> list[Group]:
    pairs = [Pair(f"s{i:03}", f"one query {i}", f"passage {i}") for i in range(single)]
    pairs += [Pair(f"m{i:03}{j}", f"many query {i}", f"text {i} {j}") for i in range(several) for j in range(2 + i % 3)]
    return group(pairs)


def _several(split: Split) -> int:
    return int((np.bincount(split.qrels.query) > 1).sum())


def _texts(collection: RawCollection, name: str) -> set[str]:
    return {normalise_text(text) for text in collection.splits[name].queries.texts}


def test_groups_collapse_identical_passages_and_drop_the_large() -> None:
    pairs = [Pair("a", "Find  rows", "one"), Pair("b", "find rows", "two"), Pair("c", "find rows", "ONE")]
    pairs += [Pair(f"d{i}", "too many", f"text {i}") for i in range(9)]
    pairs += [Pair(f"e{i}", "eight of them", f"words {i}") for i in range(8)]
    found = group(reversed(pairs))
    assert [[pair.id for pair in g] for g in found] == [["a", "b"], [f"e{i}" for i in range(8)]]


@pytest.mark.parametrize("split_seed", range(3))
def test_each_split_has_its_size_and_its_share(split_seed: int) -> None:
    groups = _groups()
    collection = sample(groups, DATA.model_copy(update={"split_seed": split_seed}))
    test, dev, train = (collection.splits[name] for name in ("test", "dev", "train"))
    assert (len(test.queries), _several(test)) == (30, 3)
    assert (len(dev.queries), _several(dev)) == (10, 2)
    assert _several(train) == 25
    assert len(collection.corpus) == 150
    _check_whole(collection, groups)


def _check_whole(collection: RawCollection, groups: Sequence[Group]) -> None:
    """Splits are disjoint, every group stands whole in the corpus, every document answers one query."""
    members = {normalise_text(g[0].query): {pair.id for pair in g} for g in groups}
    judged: list[str] = []
    for name, split in collection.splits.items():
        for i, text in enumerate(split.queries.texts):
            documents = split.qrels.document[split.qrels.query == i]
            ids = {collection.corpus.ids[d] for d in documents}
            assert ids == members[normalise_text(text)], name
            judged += ids
    assert sorted(judged) == list(collection.corpus.ids)


def test_test_queries_do_not_depend_on_the_other_sizes() -> None:
    plain = sample(_groups(), DATA)
    other = sample(_groups(), DATA.model_copy(update={"passages": "all", "dev_queries": 5, "train_queries": 8}))
    assert _texts(plain, "test") == _texts(other, "test")
    assert len(other.corpus) == sum(map(len, _groups()))
    assert _texts(plain, "test") != _texts(sample(_groups(), DATA.model_copy(update={"split_seed": 9})), "test")


def test_no_dev_queries_no_dev_split() -> None:
    assert "dev" not in sample(_groups(), DATA.model_copy(update={"dev_queries": 0})).splits


def test_minable_documents_of_the_training_pool() -> None:
    data = DATA.model_copy(update={"mining_corpus": "train"})
    collection = carve(sample(_groups(), data), data)
    assert set(np.flatnonzero(collection.minable)) == set(collection.splits["train"].qrels.document)


@pytest.mark.parametrize(
    ("update", "message"),
    [
        ({"multi_share": SplitShares(train=1.0, dev=1.0, test=0.1)}, "has 30 queries with several members"),
        ({"test_queries": 500}, "has 30 queries with several|has 150 queries with one"),
        ({"passages": 10_000}, "passages=10000, but docstrings has 240 passages"),
        ({"passages": 60}, r"passages=60 cannot hold the \d+ passages"),
    ],
)
def test_too_few_is_one_line_that_says_how_many_there_are(update: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        sample(_groups(), DATA.model_copy(update=update))
    assert "\n" not in str(caught.value)


def test_the_seed_draws_training_queries_with_their_share() -> None:
    train = sample(_groups(), DATA).splits["train"]
    judged = np.bincount(train.qrels.query)
    drawn = [draw_train_queries(train, data=DATA, seed=seed) for seed in range(4)]
    for positions in drawn:
        assert positions.dtype == np.int32
        assert np.all(np.diff(positions) > 0)
        assert (len(positions), int((judged[positions] > 1).sum())) == (20, 10)
    assert len({positions.tobytes() for positions in drawn}) == 4
    assert np.array_equal(drawn[0], draw_train_queries(train, data=DATA, seed=0))


def test_a_beir_run_draws_all_or_as_many_as_asked() -> None:
    train = sample(_groups(), DATA).splits["train"]
    everything = np.arange(len(train.queries))
    assert np.array_equal(draw_train_queries(train, data=BeirData(name="x"), seed=0), everything)
    assert len(draw_train_queries(train, data=BeirData(name="x", train_queries=7), seed=0)) == 7
    with pytest.raises(UserError, match="999 train queries"):
        draw_train_queries(train, data=BeirData(name="x", train_queries=999), seed=0)


def test_the_real_texts_hold_the_default_and_the_largest_study(real_pairs: list[Pair]) -> None:
    groups = group(real_pairs)
    collection = sample(groups, DocstringsData())
    assert {name: len(split.queries) for name, split in collection.splits.items()} | {"train": 0} == {
        "test": 800,
        "dev": 100,
        "train": 0,
    }
    assert (_several(collection.splits["test"]), len(collection.corpus)) == (80, 3000)
    large = sample(groups, DocstringsData(passages=6000, test_queries=1000))
    assert len(draw_train_queries(large.splits["train"], data=DocstringsData(), seed=0)) == 480
    cross = next(g for g in groups if g[0].query == "Compute the inverse of a matrix")
    assert {pair.id.split("/")[0] for pair in cross} == {"numpy", "scipy"}

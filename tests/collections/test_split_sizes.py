"""`data.split`: disjoint sides of whole groups, of the sizes asked, the same for the same seed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.collections.load import load_collection
from experiments.collections.sizes import assign, sizes, whole_groups
from experiments.config import BeirData, PairsData, SplitSizes
from experiments.errors import UserError
from experiments.execution import Execution
from experiments.ir import Collection, Corpus, Qrels, Queries, Split
from tests.helpers.beir import write_beir, write_files

GROUPS = st.lists(st.integers(0, 12), min_size=2, max_size=60).map(lambda raw: np.unique(raw, return_inverse=True)[1])


@given(groups=GROUPS, test=st.integers(1, 20), dev=st.integers(0, 20), seed=st.integers(0, 9))
def test_sides_are_whole_groups_and_the_same_again(groups: np.ndarray, test: int, dev: int, seed: int) -> None:
    wanted = {"test": test, "dev": dev}
    side = assign(groups, wanted, seed=seed)
    assert np.array_equal(side, assign(groups, wanted, seed=seed))
    assert all(len(np.unique(side[groups == group])) == 1 for group in np.unique(groups))
    assert (side == 0).any()
    assert (side == 1).any() == (len(np.unique(groups)) > 1)
    smallest = np.bincount(groups).min()
    assert np.count_nonzero(side == 1) <= max(test, smallest)
    if dev == 0:
        assert not (side == 2).any()


@given(queries=st.integers(4, 60), test=st.integers(1, 20), dev=st.integers(1, 20), seed=st.integers(0, 9))
def test_single_queries_make_exact_sizes(queries: int, test: int, dev: int, seed: int) -> None:
    wanted = sizes({"test": test, "dev": dev}, queries)
    assert sum(wanted.values()) <= queries // 2
    assert wanted == {"test": test, "dev": dev} or test + dev > queries // 2
    side = assign(np.arange(queries), wanted, seed=seed)
    assert {name: int(np.count_nonzero(side == i)) for i, name in enumerate(wanted, start=1)} == wanted


def test_shares_and_counts() -> None:
    assert sizes({"test": 0.2, "dev": 0.1}, 100) == {"test": 20, "dev": 10}
    assert sizes({"test": 800, "dev": 200}, 100) == {"test": 40, "dev": 10}
    assert sizes({"test": 0.2, "dev": 0.1}, 2) == {"test": 1, "dev": 0}
    assert SplitSizes.model_validate({"test": 1, "dev": 0.5}).test == 1


def test_queries_that_share_a_text_or_a_whole_are_one_group() -> None:
    queries = Queries(ids=tuple("abcdef"), texts=("one", "ONE ", "two", "three", "four", "five"))
    corpus = Corpus(
        ids=tuple("123456"), titles=("",) * 6, texts=tuple("uvwxyz"), parents=("A", "B", "B", "C", "D", "D")
    )
    # a and b share a text; b and c the whole B; d stands alone; e answers from D, f from D.
    qrels = Qrels.build(query=[0, 1, 2, 3, 4, 5], document=[0, 1, 2, 3, 4, 5], grade=[1] * 6)
    split = Split(queries=queries, qrels=qrels)
    groups = whole_groups(split, corpus, PairsData(name="x"))
    assert [len({*groups[[i, j]].tolist()}) for i, j in ((0, 1), (1, 2), (4, 5), (0, 3), (3, 4), (0, 4))] == [
        1,
        1,
        1,
        2,
        2,
        2,
    ]
    by_text = whole_groups(split, corpus, PairsData(name="x", group_by="query"))
    assert len(np.unique(by_text)) == 5


def load(folder: Path, **fields: Any) -> Collection:
    data = BeirData(name=folder.name, **fields)
    return load_collection(data, execution=Execution(beir_home=folder.parent), cache=folder / "cache")


@pytest.mark.parametrize("there", ["train", "test"])
def test_a_folder_with_one_split_gets_the_others(there: str, tmp_path: Path) -> None:
    counts = {"train": 0, "dev": 0, "test": 0} | {there: 40}
    folder = write_beir(tmp_path / "toy", **counts)
    before = load(folder)
    assert set(before.splits) == {there}
    found = load(folder, split=SplitSizes(dev=4, test=0.25))
    asked = [text for split in found.splits.values() for text in split.queries.texts]
    assert sorted(asked) == sorted(before.splits[there].queries.texts)
    assert {name: len(split.queries) for name, split in found.splits.items()} == {"train": 26, "dev": 4, "test": 10}
    assert load(folder, split=SplitSizes(dev=4, test=0.25)).content_hash == found.content_hash
    assert load(folder, split=SplitSizes(dev=4, test=0.25), split_seed=1).content_hash != found.content_hash


def test_a_split_that_is_there_stays(tmp_path: Path) -> None:
    folder = write_beir(tmp_path / "toy", dev=10)
    assert load(folder, split=SplitSizes()).content_hash == load(folder).content_hash


def test_wholes_stay_on_one_side(tmp_path: Path) -> None:
    corpus = [{"_id": f"d{i}", "text": f"text {i}", "metadata": {"parent": f"w{i // 5}"}} for i in range(50)]
    queries = [{"_id": f"q{i}", "text": f"query {i}"} for i in range(50)]
    folder = write_files(
        tmp_path / "toy", corpus=corpus, queries=queries, qrels={"test": [(f"q{i}", f"d{i}", 1) for i in range(50)]}
    )
    found = load(folder, split=SplitSizes(dev=7, test=10), group_by="auto")
    wholes = [{found.corpus.parents[d] for d in split.qrels.document} for split in found.splits.values()]
    assert sum(map(len, wholes)) == len(set().union(*wholes)) == 10
    assert {name: len(split.queries) for name, split in found.splits.items()} == {"train": 35, "dev": 5, "test": 10}


def test_without_a_test_size_nothing_can_be_measured(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"data.split.test=0 leaves toy nothing to measure"):
        load(write_beir(tmp_path / "toy", train=0, dev=0), split=SplitSizes(test=0))

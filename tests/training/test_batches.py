"""Batches of one part each: pure, full, in proportion, fixed by the seed."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from experiments.config import collections_of
from experiments.config.mixture import MixtureData, hand_out
from experiments.training.batches import PureBatches, in_proportion

SIZES = st.lists(st.integers(4, 40), min_size=1, max_size=4)


@given(sizes=SIZES, steps=st.integers(1, 40), seed=st.integers(0, 5))
def test_each_batch_is_full_and_of_one_part_in_proportion(sizes: list[int], steps: int, seed: int) -> None:
    part = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(sizes)), sizes))
    batches = list(PureBatches(part, steps=steps, batch_size=4, seed=seed))
    assert len(batches) == steps
    assert all(len(set(batch)) == 4 for batch in batches)  # full, and no row twice
    of_part = [{int(part[row]) for row in batch} for batch in batches]
    assert all(len(found) == 1 for found in of_part)
    for one, size in enumerate(sizes):
        assert abs(sum(found == {one} for found in of_part) - steps * size / len(part)) < 1


@given(sizes=SIZES, seed=st.integers(0, 5))
def test_a_part_is_gone_through_before_any_of_its_rows_comes_again(sizes: list[int], seed: int) -> None:
    part = np.repeat(np.arange(len(sizes)), sizes)
    batches = list(PureBatches(part, steps=60, batch_size=4, seed=seed))
    for one, size in enumerate(sizes):
        rows = [row for batch in batches for row in batch if part[row] == one]
        first = rows[: size // 4 * 4]
        assert len(set(first)) == len(first)


def test_the_seed_decides_the_order() -> None:
    part = np.repeat([0, 1], [20, 30])
    made = [list(PureBatches(part, steps=10, batch_size=4, seed=seed)) for seed in (0, 0, 1)]
    assert made[0] == made[1]
    assert made[0] != made[2]


@given(sizes=st.lists(st.integers(1, 100), min_size=1, max_size=6), total=st.integers(0, 500))
def test_what_is_handed_out_adds_up(sizes: list[int], total: int) -> None:
    counts = in_proportion(np.array(sizes), total)
    assert counts.sum() == total
    assert np.all(np.abs(counts - total * np.array(sizes) / sum(sizes)) < 1)
    names = {f"p{i}": float(size) for i, size in enumerate(sizes)}
    shared = hand_out(total, names)
    assert sum(shared.values()) == total
    assert all(abs(shared[name] - total * size / sum(sizes)) < 1 for name, size in names.items())


def test_shares_count_relative_to_each_other() -> None:
    parts = {"a": {"share": 2}, "b": {}, "docstrings": {"share": 1}}
    found = collections_of(MixtureData.model_validate({"train_queries": 9, "parts": parts}))
    assert {name: data.train_queries for name, data in found.items()} == {"a": 5, "b": 2, "docstrings": 2}

"""Shards: cut where batches end, kept whole, joined to the very file that one array would be."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.engines import shards
from experiments.engines.shards import cuts, join, kept_in, whole_batches


@given(total=st.integers(0, 50), rows=st.integers(1, 60))
def test_cuts_hold_everything_once_and_in_order(total: int, rows: int) -> None:
    found = cuts(total, rows)
    assert [i for cut in found for i in range(total)[cut]] == list(range(total))
    assert len(found) == max(1, -(-total // rows))


@given(rows=st.integers(1, 100), batch=st.integers(1, 40))
def test_a_shard_is_whole_batches_and_no_larger_than_asked_where_one_fits(rows: int, batch: int) -> None:
    found = whole_batches(rows, batch)
    assert found % batch == 0
    assert found == batch or rows - batch < found <= rows


@settings(max_examples=60, deadline=None)
@given(data=st.data(), rows=st.integers(0, 40), parts=st.integers(1, 5), block=st.integers(1, 60))
def test_joined_parts_are_the_file_that_numpy_saves(
    data: st.DataObject, rows: int, parts: int, block: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    draw = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    whole = draw.normal(size=(rows, 3)).astype(np.float32)
    owner = draw.integers(0, parts, size=rows)
    pieces = [(at, whole[at]) for at in (np.flatnonzero(owner == part) for part in range(parts))]
    out = tmp_path_factory.mktemp("join") / "out.npy"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shards, "BLOCK_NUMBERS", block)
        join(pieces, rows=rows, out=out)
    expected = io.BytesIO()
    np.save(expected, whole)
    assert out.read_bytes() == expected.getvalue()


def test_what_is_kept_is_read_again_under_the_same_cut_and_environment_only(tmp_path: Path) -> None:
    kept = kept_in(tmp_path, {"threads": 1}, batch=4, rows=8)
    kept.put("000001", np.arange(6, dtype=np.float32).reshape(2, 3))
    again = kept_in(tmp_path, {"threads": 1}, rows=8, batch=4)
    assert again.missing(3) == [0, 2]
    assert np.array_equal(again.get("000001"), np.arange(6).reshape(2, 3))
    assert isinstance(again.get("000001"), np.memmap)
    for other in (
        kept_in(tmp_path, {"threads": 2}, batch=4, rows=8),
        kept_in(tmp_path, {"threads": 1}, batch=4, rows=12),
    ):
        assert other.missing(3) == [0, 1, 2]

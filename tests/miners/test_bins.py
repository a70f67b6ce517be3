"""Bins are closed on the left: a value exactly at an edge lies in the bin that starts there."""

from __future__ import annotations

import numpy as np
import pytest

from experiments.miners.bins import RANK_EDGES, SCORE_EDGES, bin_of, histogram


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_score_at_an_edge_starts_its_bin(dtype: type[np.float32]) -> None:
    """0.7, 0.35 and their like are not floats: edges are rounded as the scores are."""
    edges = np.array(SCORE_EDGES, dtype=dtype)
    inner = np.arange(len(SCORE_EDGES) - 1)
    assert bin_of(edges[:-1], SCORE_EDGES).tolist() == inner.tolist()
    assert bin_of(np.nextafter(edges[1:], dtype(-np.inf)), SCORE_EDGES).tolist() == inner.tolist()
    assert bin_of(np.nextafter(edges[:-1], dtype(np.inf)), SCORE_EDGES).tolist() == inner.tolist()


def test_ranks_are_bins_of_their_own_up_to_ten() -> None:
    ranks = np.array([1, 2, 9, 10, 14, 15, 9999], dtype=np.int32)
    assert [RANK_EDGES[i] for i in bin_of(ranks, RANK_EDGES)] == [1, 2, 9, 10, 10, 15, 1000]


def test_what_lies_beyond_the_outer_edges_counts_in_the_outer_bins() -> None:
    last = len(SCORE_EDGES) - 2
    values = np.array([-5000.0, SCORE_EDGES[0], SCORE_EDGES[-1], 5000.0], dtype=np.float32)
    assert bin_of(values, SCORE_EDGES).tolist() == [0, 0, last, last]


def test_a_histogram_counts_each_value_once() -> None:
    values = np.array([0.7, 0.7, 0.75, 0.0, -0.05], dtype=np.float32)
    counted = histogram(values, SCORE_EDGES)
    found = {counted.edges[i]: count for i, count in enumerate(counted.counts) if count}
    assert found == {0.7: 2, 0.75: 1, 0.0: 1, -0.05: 1}

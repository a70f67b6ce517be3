"""The audit's bins stand in the order of their lower edges, whatever the teacher's scale."""

from __future__ import annotations

from analysis.tables.detail import _label_order
from experiments.miners.bins import SCORE_EDGES, range_labels


def test_bins_are_ordered_by_value_and_not_by_spelling() -> None:
    labels = range_labels(SCORE_EDGES)
    assert sorted(set(labels), key=_label_order) == list(labels)
    assert sorted(["10", "2", "1"], key=_label_order) == ["1", "2", "10"]

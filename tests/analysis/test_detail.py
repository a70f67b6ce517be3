"""The audit's bins stand in the order of their lower edges, whatever the teacher's scale."""

from __future__ import annotations

from pathlib import Path

import pytest

from analysis.load import load_study
from analysis.sources import open_source
from analysis.tables.detail import detail_markdown
from experiments.miners.bins import SCORE_EDGES, range_labels
from experiments.records.mining import RateBin
from tests.analysis import synthetic
from tests.analysis.conftest import THREE


@pytest.mark.parametrize(
    ("by", "labels"), [("score", list(range_labels(SCORE_EDGES))), ("rank", [str(i) for i in range(1, 13)])]
)
def test_bins_are_ordered_by_value_and_not_by_spelling(tmp_path: Path, by: str, labels: list[str]) -> None:
    synthetic.write_study(tmp_path, arms=THREE, blocks={"docstrings": {"docstrings/test": 20}}, seeds=(0,))
    for path in (tmp_path / "records").glob("*/*.json"):
        bins = tuple(RateBin(label=label, mined=10, known_false=1) for label in sorted(labels))
        changed = {f"known_false_by_{by}": bins}
        synthetic.edit_record(path, lambda record: {"mining": record.mining.model_copy(update=changed)})  # noqa: B023
    text = detail_markdown(load_study(open_source(tmp_path), "synthetic"), ["docstrings"])
    header = text.split(f"Known false negatives by {by} ")[1].splitlines()[2]
    assert header.strip("| ").split(" | ") == ["arm", *labels]

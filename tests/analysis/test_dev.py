"""Scores on dev queries are shown where a block has no others, and never beside a test's."""

from __future__ import annotations

from pathlib import Path
from statistics import fmean

import pytest

from analysis.load import load_study
from analysis.sources import open_source
from analysis.tables.dev import dev_markdown
from tests.analysis import synthetic
from tests.analysis.conftest import THREE


def test_mean_and_range_over_seeds_of_each_arm(tmp_path: Path) -> None:
    tasks = {"docstrings/dev": 30, "nfcorpus/dev": 20}
    synthetic.write_study(tmp_path, arms=THREE, blocks={"docstrings": tasks}, seeds=(0, 1))
    study = load_study(open_source(tmp_path), "synthetic")
    lines = dev_markdown(study, ["docstrings"]).splitlines()
    (row,) = [line for line in lines if line.startswith("| topk_percpos |")]
    cells = [float(cell) for cell in row.strip("| ").split(" | ")[1:]]
    runs = study.cell("docstrings", "topk_percpos").values()
    scores = [[fmean(run.scores[task].values) for task in sorted(tasks)] for run in runs]
    means = [fmean(by_task) for by_task in scores]
    by_task = [fmean(column) for column in zip(*scores, strict=True)]
    assert cells == pytest.approx([*by_task, fmean(means), min(means), max(means), 2], abs=5e-5)


def test_a_block_with_test_scores_shows_no_dev_scores(tmp_path: Path) -> None:
    synthetic.write_study(tmp_path, arms=THREE, blocks={"docstrings": {"docstrings/test": 30, "docstrings/dev": 30}})
    assert dev_markdown(load_study(open_source(tmp_path), "synthetic"), ["docstrings"]) == ""

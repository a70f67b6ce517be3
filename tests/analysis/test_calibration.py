"""The table that says how far the calibrated bar's probabilities can be believed."""

from __future__ import annotations

from pathlib import Path

import pytest
from scipy.stats import binomtest

from analysis.load import Study, load_study
from analysis.sources import open_source
from analysis.tables.calibration import calibration_markdown
from analysis.tables.methods import methods_table
from experiments.config import TopKCalibrated
from tests.analysis import synthetic

ARM = synthetic.Arm(miner=TopKCalibrated(target=0.2), effect=0.01, rate=0.02)


def study(tmp_path: Path, arms: dict[str, synthetic.Arm]) -> Study:
    synthetic.write_study(tmp_path, arms=arms, blocks={"docstrings": {"docstrings/test": 20}})
    return load_study(open_source(tmp_path), "synthetic")


def test_seeds_are_pooled_and_stand_beside_what_was_observed(tmp_path: Path) -> None:
    found = study(tmp_path, {**synthetic.CORE, "calibrated": ARM})
    seeds = [run.config.seed for run in found.cell("docstrings", "calibrated").values()]
    weight = sum(seed + 1 for seed in seeds)
    lines = calibration_markdown(found, ["docstrings"]).splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| docstrings")]
    (summary, low, high) = rows
    # 5% of the candidates are hidden, so always saying so errs by .05 x .95.
    assert summary[:7] == ["docstrings", "calibrated", str(len(seeds)), "0.2", "0.03000", "0.04750", "5.0%"]
    assert summary[7] == "1.5%"
    assert low[:5] == ["docstrings", "calibrated", "0.01 to 0.02", str(900 * weight), "1.0%"]
    assert high[:5] == ["docstrings", "calibrated", "0.3 to 0.4", str(100 * weight), "40.0%"]
    interval = binomtest(41 * weight, 100 * weight).proportion_ci(method="wilson")
    assert high[5] == f"41.0% [{100 * interval.low:.1f}, {100 * interval.high:.1f}]"


def test_nothing_estimated_is_no_table(tmp_path: Path) -> None:
    assert calibration_markdown(study(tmp_path, synthetic.CORE), ["docstrings"]) == ""


@pytest.mark.parametrize("arm", ["calibrated", "topk_percpos"])
def test_an_arm_with_extra_information_is_called_so(tmp_path: Path, arm: str) -> None:
    table = methods_table(study(tmp_path, {**synthetic.CORE, "calibrated": ARM}), "docstrings")
    (row,) = [row for row in table.rows if row[0] == arm]
    marked = "told hidden positives" in row[table.header.index("marks")]
    assert marked == (arm == "calibrated")

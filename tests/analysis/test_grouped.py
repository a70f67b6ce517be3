"""Groups of queries beside a study's records: what `python -m analysis build` makes of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.__main__ import main
from analysis.clusters import clustered_difference
from analysis.formats import interval
from experiments.records.groups import groups_path, write_groups
from tests.analysis import synthetic
from tests.analysis.conftest import THREE, page_text

BLOCKS = {"docstrings": {"docstrings/test": 60}, "nfcorpus": {"nfcorpus/heldout": 70}}
IDS = [f"q{i:04d}" for i in range(60)]


@pytest.fixture
def study(tmp_path: Path) -> Path:
    return synthetic.write_study(tmp_path, arms=THREE, blocks=BLOCKS)


def write(root: Path, task: str, ids: list[str], groups: list[str]) -> Path:
    path = groups_path(root, f"content of {task}")
    write_groups(path, ids, groups)
    return path


def contrasts(text: str) -> list[list[str]]:
    lines = text.split("## Primary contrasts")[1].split("## ", maxsplit=1)[0].splitlines()
    return [line.strip("| ").split(" | ") for line in lines if line.startswith("| ")]


def per_seed(study: Path, arm: str) -> np.ndarray:
    """(S, Q) nDCG@10 on docstrings, read without the code under test."""
    plan = pd.read_json(study / "plan.json", typ="series")
    runs = [r["run_id"] for r in plan["runs"] if (r["block"], r["arm"]) == ("docstrings", arm)]
    return np.stack([measured(study, run)["nDCG@10"].to_numpy() for run in runs])


def measured(study: Path, run: str) -> pd.DataFrame:
    """A published run's measures, in the order of its sorted query ids."""
    return pd.read_parquet(next((study.parent / "records" / run).glob("*.parquet")))


def test_the_interval_by_group_stands_beside_the_ordinary_one(study: Path) -> None:
    before = contrasts(page_text(study))
    write(study.parent, "docstrings/test", IDS, [f"file {i // 4}" for i in range(60)])
    text = page_text(study)
    after = contrasts(text)
    assert after[0][3:5] == ["difference [95%]", "by group [95%]"]
    kept = [[cell for at, cell in enumerate(row) if at not in (4, 8)] for row in after]
    assert kept == before
    values = [per_seed(study, arm) for arm in ("topk_percpos", "naive_topk")]
    oracle = clustered_difference([values[0]], [values[1]], [np.arange(60) // 4])
    row = next(row for row in after if row[0].startswith("percpos") and row[1] == "docstrings")
    assert row[4] == interval(oracle.mean, oracle.low, oracle.high)
    other = next(row for row in after if row[0].startswith("percpos") and row[1] == "nfcorpus")
    assert (other[4], other[8]) == ("–", "–")


def test_a_line_says_how_many_groups_and_how_much_wider(study: Path) -> None:
    names = [f"file {max(i - 39, 0)}" for i in range(60)]
    write(study.parent, "docstrings/test", IDS, names)
    text = page_text(study)
    line = next(line for line in text.splitlines() if line.startswith("- docstrings: docstrings/test has"))
    assert "60 queries in 21 groups (mean size 2.9, largest 40)" in line
    row = next(row for row in contrasts(text)[2:] if row[0].startswith("percpos") and row[1] == "docstrings")
    widths = [[float(edge.replace("−", "-")) for edge in cell.split("[")[1][:-1].split(", ")] for cell in row[3:5]]
    ratio = (widths[1][1] - widths[1][0]) / (widths[0][1] - widths[0][0])
    shown = float(line.split(" times as wide for percpos")[0].split()[-1])
    assert shown == pytest.approx(ratio, abs=0.02)
    assert "- nfcorpus: " not in text.split("## Primary contrasts")[1].split("## ")[0]


def test_groups_of_one_query_change_no_interval(study: Path) -> None:
    write(study.parent, "docstrings/test", IDS, IDS)
    rows = [row for row in contrasts(page_text(study))[2:] if row[1] == "docstrings"]
    assert rows
    assert all(row[3] == row[4] and row[7] == row[8] for row in rows)


def test_without_groups_and_after_they_went_the_page_is_the_same(study: Path) -> None:
    before = page_text(study)
    path = write(study.parent, "docstrings/test", IDS, [f"file {i // 4}" for i in range(60)])
    assert page_text(study) != before
    path.unlink()
    assert page_text(study) == before


def test_one_group_has_no_interval(study: Path) -> None:
    write(study.parent, "docstrings/test", IDS, ["the same"] * 60)
    text = page_text(study)
    assert "60 queries in 1 groups (mean size 60.0, largest 60); no interval can be had by group" in text
    assert "by group [95%]" not in text


def test_groups_that_lack_a_query_are_refused(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(study.parent, "docstrings/test", IDS[:58], IDS[:58])
    assert main(["build", "--records", str(study.parent)]) == 2
    printed = capsys.readouterr().err
    assert "lacks 2 of the 60 queries of docstrings/test, such as 'q0058'" in printed


def test_a_task_without_groups_counts_its_queries_by_themselves(tmp_path: Path) -> None:
    blocks = {"docstrings": {"nfcorpus/test": 60, "scifact/test": 30}}
    study = synthetic.write_study(tmp_path, arms=THREE, blocks=blocks)
    write(tmp_path, "nfcorpus/test", IDS, [f"file {i // 4}" for i in range(60)])
    text = page_text(study)
    assert "scifact/test has no groups (each query counts by itself)" in text
    plan = pd.read_json(study / "plan.json", typ="series")
    by_task = []
    for task in ("nfcorpus/test", "scifact/test"):
        found = []
        for arm in ("topk_percpos", "naive_topk"):
            runs = [r["run_id"] for r in plan["runs"] if r["arm"] == arm]
            frames = [measured(study, run) for run in runs]
            found.append(np.stack([frame[frame["task"] == task]["nDCG@10"].to_numpy() for frame in frames]))
        by_task.append(found)
    arm, base = zip(*by_task, strict=True)
    oracle = clustered_difference(arm, base, [np.arange(60) // 4, np.arange(30)])
    row = next(row for row in contrasts(text) if row[0].startswith("percpos"))
    assert row[4] == interval(oracle.mean, oracle.low, oracle.high)

"""The sentence that says what a study's data decides, against its table and its planner."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from analysis.answer import answer_text
from analysis.arms import arm_rows
from analysis.compare import compare_arms, difference_tasks
from analysis.decides import sentence
from analysis.formats import Table, aligned, signed
from analysis.load import Study, load_study
from analysis.planner import SEED_GRID, power, spread
from analysis.sources import open_source
from tests.analysis import synthetic

ONE = {"docstrings": {"docstrings/test": 120}}
TWO = {**ONE, "nfcorpus": {"nfcorpus/heldout": 70, "nfcorpus/test": 30}}


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """Records without figures, which take longest."""
    root = tmp_path_factory.mktemp("decides")
    synthetic.write_study(root, arms=synthetic.CORE, seeds=(0, 1, 2), blocks=TWO)
    return load_study(open_source(root), "synthetic")


def test_it_names_the_best_arm_with_the_interval_of_the_table(study: Study) -> None:
    rows = [row for row in arm_rows(study, "docstrings") if row.view is not None and row.difference is not None]
    best = max(rows, key=lambda row: row.mean or 0.0)
    assert best.difference is not None
    said = sentence(study, "docstrings")
    values = [signed(value, 3) for value in (best.difference.mean, best.difference.low, best.difference.high)]
    assert said.startswith(f"{best.arm} over naive_topk: {values[0]} [{values[1]}, {values[2]}] (p ")
    assert f"best of {len(rows)}" in said


def test_the_number_of_more_seeds_is_the_planners(study: Study) -> None:
    said = sentence(study, "docstrings")
    found = re.search(r"([\w.]+) over ([\w.]+): [^;]*, best of (\d+)\), undecided: (\d+) more seeds? would", said)
    assert found is not None, said
    difference = compare_arms(study, "docstrings", found[1], found[2], difference_tasks(study, "docstrings"))
    assert difference is not None
    (queries,) = difference.components.queries
    seeds = difference.components.seeds + int(found[4])
    wanted = {"difference": abs(difference.mean), "queries": queries, "alpha": 0.05 / int(found[3])}
    assert power(spread(difference.components), seeds=seeds, **wanted) >= 0.8
    fewer = max(count for count in SEED_GRID if count < seeds)
    assert power(spread(difference.components), seeds=fewer, **wanted) < 0.8 or found[4] == "1"


def test_what_is_decided_of_the_other_arms_is_said_too(tmp_path: Path) -> None:
    """A collapsed arm lies .06 below the baseline; that is decided although it is not the best."""
    arms = {**synthetic.CORE, "topk_shifted": synthetic.FULL["topk_shifted"]}
    synthetic.write_study(tmp_path, arms=arms, seeds=(0, 1, 2, 3, 4), blocks=ONE)
    found = load_study(open_source(tmp_path), "synthetic")
    (row,) = [row for row in arm_rows(found, "docstrings") if row.arm == "topk_shifted"]
    assert row.difference is not None
    said = sentence(found, "docstrings")
    assert f"; topk_shifted is below naive_topk by {-row.difference.mean:.3f};" in said


def test_one_seed_says_that_it_is_one(tmp_path: Path) -> None:
    synthetic.write_study(tmp_path, arms=synthetic.CORE, blocks=ONE, seeds=(0,))
    said = sentence(load_study(open_source(tmp_path), "synthetic"), "docstrings")
    assert "one seed" in said


def test_the_answer_holds_each_block_and_its_sentence(study: Study) -> None:
    text = answer_text(study)
    for block in ("docstrings", "nfcorpus"):
        assert f"\n{block}: {sentence(study, block)}\n" in text
    assert "nfcorpus/heldout nDCG@10" in text


@pytest.mark.parametrize("cells", [("a", "1.5"), ("long name", "10")])
def test_columns_are_as_wide_as_their_widest_cell(cells: tuple[str, str]) -> None:
    lines = aligned(Table(("arm", "score"), (cells,))).splitlines()
    assert lines[1].startswith(cells[0])
    assert len(lines[0]) == len(lines[1]) == max(3, len(cells[0])) + 2 + 5

"""Figures over a parameter, over the number of queries, and of the teacher's scores: what they draw."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from analysis.budgets import budgets
from analysis.compare import compare_arms, difference_tasks
from analysis.figures.panels import _panels, panels_figure
from analysis.figures.queries import _curves, queries_figure
from analysis.figures.scores import _arms, scores_figure
from analysis.figures.style import Figure
from analysis.load import Study, load_study
from analysis.sources import open_source
from analysis.tables.cells import difference_text
from analysis.tables.overlap import overlap_markdown
from analysis.tables.sizes import sizes_markdown
from experiments.config import Bm25Teacher, EnsembleTeacher, InfoNCE, TopKAbs
from experiments.records.mining import Histogram, MemberOverlap
from tests.analysis import synthetic

ABS = {f"abs_{value}": synthetic.Arm(miner=TopKAbs(threshold=value), effect=value / 50) for value in (0.7, 0.3, 0.5)}
BLOCKS = {f"small_{number}": {f"small_{number}/test": 40} for number in (3, 1, 2)}


def load(folder: Path) -> Study:
    return load_study(open_source(folder.parent), folder.name)


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Study:
    folder = tmp_path_factory.mktemp("swept")
    return load(synthetic.write_study(folder, arms={**synthetic.CORE, **ABS}, seeds=(0, 1, 2), blocks=BLOCKS))


def test_a_panel_holds_the_values_of_one_method_in_order_with_their_differences(swept: Study) -> None:
    (panel,) = _panels(swept, "small_1")
    assert (panel.label, panel.parameter, panel.paper) == ("TopK-Abs", "miner.threshold", 0.7)
    assert [value for value, _ in panel.points] == [0.3, 0.5, 0.7]
    tasks = difference_tasks(swept, "small_1")
    for value, difference in panel.points:
        assert difference == compare_arms(swept, "small_1", f"abs_{value}", "naive_topk", tasks)


def test_fewer_than_three_values_make_no_figure(tmp_path: Path) -> None:
    study = load(synthetic.write_study(tmp_path, blocks={"small": {"small/test": 40}}))
    assert panels_figure(study) is None
    assert queries_figure(study) is None
    assert sizes_markdown(study, study.plan.blocks) == ""


@pytest.mark.parametrize("make", [panels_figure, queries_figure])
def test_equal_records_are_equal_bytes(swept: Study, make: Callable[[Study], Figure | None]) -> None:
    first, second = make(with_queries(swept)), make(with_queries(swept))
    assert first is not None
    assert second is not None
    assert (first.title, first.caption, first.svg) == (second.title, second.caption, second.svg)


def with_queries(study: Study) -> Study:
    """The same study, with 100, 200 and 300 training queries in its three blocks."""
    runs = dict(study.runs)
    for planned in study.plan.runs:
        run = runs[planned.run_id]
        if run.record.mining is not None:
            mining = run.record.mining.model_copy(update={"queries": 100 * int(planned.block[-1])})
            runs[planned.run_id] = replace(run, record=run.record.model_copy(update={"mining": mining}))
    return Study(study.plan, runs, study.groups)


def test_a_curve_goes_over_the_numbers_of_queries_of_one_budget(swept: Study) -> None:
    study = with_queries(swept)
    assert budgets(study, study.plan.blocks) == {"small": ["small_3", "small_1", "small_2"]}
    curves = _curves(study, study.plan.blocks)
    assert "naive_topk" not in curves
    assert [number for number, _ in curves["topk_percpos"]] == [100, 200, 300]
    for number, difference in curves["random"]:
        block = f"small_{number // 100}"
        assert difference == compare_arms(study, block, "random", "naive_topk", difference_tasks(study, block))


def test_a_line_a_number_of_queries_says_steps_passes_and_differences(swept: Study) -> None:
    study = with_queries(swept)
    head, _, *lines = sizes_markdown(study, study.plan.blocks).splitlines()
    assert "| naive_topk |" in head
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert [row[0] for row in rows] == ["100", "200", "300"]
    train = next(run.config.train for run in study.runs.values() if isinstance(run.config.train, InfoNCE))
    seen = train.steps * train.batch_size
    assert [row[1:3] for row in rows] == [[str(train.steps), f"{seen / number:.1f}"] for number in (100, 200, 300)]
    place = [cell.strip() for cell in head.strip("|").split("|")].index("topk_percpos − naive_topk [95%]")
    for row, block in zip(rows, ("small_1", "small_2", "small_3"), strict=True):
        compared = compare_arms(study, block, "topk_percpos", "naive_topk", difference_tasks(study, block))
        assert row[place] == difference_text(compared)
    (only,) = sizes_markdown(study, ["small_2"]).splitlines()[2:]
    assert only == lines[1]


def test_scores_are_drawn_of_arms_whose_teacher_scored(swept: Study) -> None:
    assert scores_figure(swept) is None
    runs = dict(swept.runs)
    bins = Histogram(edges=(0.0, 0.5, 1.0), counts=(3, 7))
    for run_id, run in swept.runs.items():
        if run.record.mining is not None and run.record.mining.histograms:
            histograms = {"positive_score": bins, "negative_score": bins, "gap": bins}
            mining = run.record.mining.model_copy(update={"histograms": histograms})
            runs[run_id] = replace(run, record=run.record.model_copy(update={"mining": mining}))
    study = Study(swept.plan, runs, swept.groups)
    assert scores_figure(study) is not None
    ranked = [arm for arm in swept.plan.arms("small_1") if arm not in {"untrained", "random"}]
    assert [arm for arm, _ in _arms(study, "small_1")] == ranked


def test_overlaps_are_shown_by_pair_and_part(swept: Study) -> None:
    teachers = (synthetic.TEACHER, Bm25Teacher(), synthetic.TEACHER.model_copy(update={"name": "other"}))
    pairs = [(0, 1, 0.123), (0, 2, None), (1, 2, 0.5)]
    overlap = tuple(MemberOverlap(first=a, second=b, jaccard=value) for a, b, value in pairs)
    planned = next(run for run in swept.plan.runs if run.arm == "topk_percpos" and run.block == "small_1")
    run = swept.runs[planned.run_id]
    assert run.record.mining is not None
    facts = run.record.mining.model_copy(update={"overlap": overlap})
    record = run.record.model_copy(update={"mining": facts, "mining_parts": {"left": facts, "right": facts}})
    config = run.config.model_copy(update={"teacher": EnsembleTeacher(members=teachers)})
    study = Study(swept.plan, {**swept.runs, planned.run_id: replace(run, record=record, config=config)}, swept.groups)
    text = overlap_markdown(study, ["small_1"])
    assert "| teacher | teacher | left | right |" in text
    assert "| minilm_l6 | bm25 | 0.12 | 0.12 |" in text
    assert "| minilm_l6 | other | – | – |" in text
    assert overlap_markdown(swept, ["small_1"]) == ""

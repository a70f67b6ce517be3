"""A study of a mixture: every task has its column, and differences are about the mean of the parts' own."""

from __future__ import annotations

from statistics import fmean

import pytest

from analysis.arms import arm_rows
from analysis.compare import block_tasks, difference_tasks
from analysis.load import Study, load_study
from analysis.report.setting import settings
from analysis.sources import Source
from analysis.tables.methods import methods_table
from experiments.config import MixtureData
from tests.analysis import synthetic

TASKS = {"rivers/test": 40, "hills/heldout": 30, "hills/test": 20, "hills/dev": 10, "seas/test": 25}
BLOCK = "rivers+hills"


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    root = tmp_path_factory.mktemp("mixture")
    synthetic.write_study(root, blocks={BLOCK: TASKS}, seeds=(0, 1))
    return load_study(Source(root), "synthetic")


def test_the_parts_come_first_and_dev_is_no_result(study: Study) -> None:
    assert block_tasks(study, BLOCK) == ("hills/heldout", "hills/test", "rivers/test", "seas/test")


def test_differences_are_about_each_part_s_heldout_queries_or_else_its_test(study: Study) -> None:
    assert difference_tasks(study, BLOCK) == ("hills/heldout", "rivers/test")


def test_the_table_has_a_column_for_each_task_and_their_mean(study: Study) -> None:
    header = methods_table(study, BLOCK).header
    names = [f"{task} nDCG@10" for task in block_tasks(study, BLOCK)]
    assert header[1:6] == (*names, "mean")
    for row in arm_rows(study, BLOCK):
        runs = study.cell(BLOCK, row.arm).values()
        found = [run.scores[task].values.mean() for run in runs for task in difference_tasks(study, BLOCK)]
        assert row.mean == pytest.approx(fmean(map(float, found)))


def test_the_setting_says_what_each_part_is() -> None:
    built = synthetic.config(synthetic.CORE["naive_topk"], collection=BLOCK, seed=0, tasks=("rivers/test",))
    parts = {"rivers": {"train_queries": 7}, "hills": {"positives": "one", "positive_within": 9}}
    data = MixtureData(name="land", parts=parts, batches="by_collection")
    found = dict(settings(built.model_copy(update={"data": data})))
    assert found["data: collections"] == "hills, rivers"
    assert found["data: batches"] == "by collection"
    assert "training queries 7" in found["data: rivers"]
    assert "positives one" in found["data: hills"]
    assert "positive within 9" in found["data: hills"]
    assert "mining: positive within" not in found

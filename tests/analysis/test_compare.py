"""Arms are paired over what both have."""

from __future__ import annotations

import numpy as np
import pytest

from analysis.compare import compare_runs
from analysis.load import FinishedRun, TaskQueries
from tests.analysis import synthetic

TASKS = {"docstrings/test": 3, "docstrings/heldout": 2}


def run(arm: str, *, seed: int, values: dict[str, list[float]]) -> FinishedRun:
    tasks = {task: TASKS[task] for task in values}
    record, _ = synthetic.record_and_scores(
        synthetic.CORE[arm], name=arm, collection="docstrings", seed=seed, tasks=tasks
    )
    scores = {task: TaskQueries(tuple("abc"[: len(v)]), np.array(v)) for task, v in values.items()}
    return FinishedRun(record, record.run_config(), scores, ())


def test_an_untrained_arm_whose_first_run_lacks_a_task() -> None:
    whole = {"docstrings/test": [0.1, 0.2, 0.3], "docstrings/heldout": [0.4, 0.6]}
    part = {"docstrings/test": [0.9, 0.9, 0.9]}
    base = {0: run("untrained", seed=0, values=part), 1: run("untrained", seed=1, values=whole)}
    better = {task: [value + 0.1 for value in values] for task, values in whole.items()}
    arm = {seed: run("naive_topk", seed=seed, values=better) for seed in (0, 2)}
    found = compare_runs(arm, base, list(TASKS))
    assert found is not None
    assert found.mean == pytest.approx(0.1)
    assert found.components.seeds == 2

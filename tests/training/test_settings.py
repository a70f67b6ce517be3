"""Settings that would train or measure nothing, or nonsense, are refused before anything is read."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from transformers import get_linear_schedule_with_warmup

from experiments.config import EvaluationConfig, InfoNCE, NoTraining
from experiments.run import main
from tests.helpers.toy import toy_config

NOTHING_MEASURED = "evaluation.splits=[] leaves nothing to measure"
REFUSED = {
    "train.steps=1": "train: steps=1 with warmup=0.1 trains nothing",
    "train.learning_rate=1.5": "train.learning_rate=1.5: should be less than or equal to 1",
    "train.temperature=1e-12": "train.temperature=1e-12: should be greater than or equal to 0.001",
    "train.dropout=1.0": "train.dropout=1.0: should be less than 1",
    "evaluation.splits=[]": NOTHING_MEASURED,
    "evaluation.splits=[] evaluation.collections=[docstrings]": NOTHING_MEASURED,
    "evaluation.splits=[test,dev,test]": "evaluation: splits names test more than once",
    "evaluation.collections=[a,b,a]": "evaluation: collections names a more than once",
    "evaluation.tasks=[SciFact,SciFact]": "evaluation: tasks names SciFact more than once",
}


@pytest.mark.parametrize("command", REFUSED)
def test_one_clear_line(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*command.split(), "dry_run=true"]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("error: ")
    assert shown.err.count("\n") == 1
    assert REFUSED[command] in shown.err


@settings(deadline=None)
@given(steps=st.integers(1, 40), warmup=st.floats(0.0, 1.0))
def test_what_is_refused_is_what_the_schedule_would_not_train(steps: int, warmup: float) -> None:
    try:
        train = InfoNCE(steps=steps, warmup=warmup)
    except ValidationError:
        train = InfoNCE().model_copy(update={"steps": steps, "warmup": warmup})
        assert sum(rate > 0 for rate in rates(train)) == 0
    else:
        assert sum(rate > 0 for rate in rates(train)) == train.learning_steps > 0


def rates(train: InfoNCE) -> list[float]:
    """The rate of every step, as transformers gives it."""
    optimizer = torch.optim.AdamW([torch.nn.Parameter(torch.ones(1))], lr=train.learning_rate)
    schedule = get_linear_schedule_with_warmup(optimizer, train.warmup_steps, train.steps)
    found = []
    for _ in range(train.steps):
        found.append(schedule.get_last_lr()[0])
        optimizer.step()
        schedule.step()
    return found


def test_one_step_without_a_warm_up_is_a_step() -> None:
    assert InfoNCE(steps=1, warmup=0.0).learning_steps == 1


def test_without_splits_another_collection_or_a_task_is_enough() -> None:
    for asked in (EvaluationConfig(splits=(), collections=("other",)), EvaluationConfig(splits=(), tasks=("SciFact",))):
        assert toy_config(train=NoTraining(), evaluation=asked).evaluation == asked
    assert toy_config(evaluation=EvaluationConfig(splits=()), until="mine").until == "mine"


def test_minus_zero_and_zero_are_two_runs() -> None:
    one, two = (toy_config(train=InfoNCE(weight_decay=value)) for value in (0.0, -0.0))
    assert one.run_id != two.run_id

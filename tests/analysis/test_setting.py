"""The settings that a block's runs share, and those that they do not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from analysis.__main__ import main
from analysis.report.setting import VARIES, settings, shared_settings
from experiments.config import (
    BeirData,
    Bm25Teacher,
    DistilledStudent,
    EnsembleTeacher,
    EvaluationConfig,
    RerankerTeacher,
    RunConfig,
    TinyStudent,
)
from tests.analysis import synthetic

CORE = synthetic.CORE
LENGTH = "evaluation: query and passage length"


def config(arm: str = "naive_topk", *, until: str = "evaluate", **changed: object) -> RunConfig:
    built = synthetic.config(CORE[arm], collection="docstrings", seed=0, tasks=("docstrings/test",), until=until)
    return RunConfig.model_validate({**built.model_dump(), **changed})


def parts(built: RunConfig) -> set[str]:
    return {name.partition(":")[0] for name, _ in settings(built)}


def changed_training(**values: object) -> RunConfig:
    return config(train={**config().train.model_dump(), **values})


def test_values_of_a_trained_arm() -> None:
    found = dict(settings(config()))
    assert found["teacher: model"] == "minilm_l6, fp32"
    assert found["student: layers"] == "0, 2, 5"
    assert found["training: learning rate"] == "0.0001"
    assert found["training: dropout"] == "the model's own"
    assert found["mining: positive within"] == "20"
    assert found["data: training queries"] == "480"
    assert found[LENGTH] == "the model's own"


def test_an_untrained_arm_has_no_say_in_training_and_mining() -> None:
    assert parts(config("untrained")) == {"data", "student", "evaluation"}
    found = shared_settings([config("untrained"), changed_training(steps=90)])
    assert found["training: steps"] == "90"
    assert found["mining: depth"] == "100"


def test_a_run_that_stops_after_mining_has_no_student() -> None:
    assert parts(config(until="mine")) == {"data", "teacher", "mining"}


def test_what_differs_between_arms_varies() -> None:
    found = shared_settings([config(), changed_training(steps=120, dropout=0.0)])
    assert found["training: steps"] == VARIES
    assert found["training: dropout"] == VARIES
    assert found["training: batch"] == "16"


def test_reading_lengths_are_evaluation_s_alone() -> None:
    own = shared_settings([config("untrained"), config()])[LENGTH]
    assert own == "the model's own"
    fixed = EvaluationConfig(query_length=64, passage_length=64).model_dump()
    assert shared_settings([config("untrained", evaluation=fixed), config(evaluation=fixed)])[LENGTH] == "64, 64"
    assert shared_settings([config("untrained"), config(evaluation=fixed)])[LENGTH] == VARIES


@pytest.mark.parametrize(
    ("changed", "name", "value"),
    [
        ({"teacher": Bm25Teacher()}, "teacher: model", "bm25, k1 1.5, b 0.75"),
        (
            {"teacher": RerankerTeacher(name="a/cross", first_stage=Bm25Teacher())},
            "teacher: model",
            "a/cross, identity, fp32, over bm25, k1 1.5, b 0.75",
        ),
        (
            {"teacher": EnsembleTeacher(members=(Bm25Teacher(), Bm25Teacher(k1=1.0)))},
            "teacher: model",
            "cross_sample of bm25, k1 1.5, b 0.75; bm25, k1 1, b 0.75",
        ),
        ({"student": TinyStudent()}, "student: model", "tiny"),
        (
            {"student": DistilledStudent(base=synthetic.STUDENT, teacher=synthetic.TEACHER)},
            "student: fitted to",
            "minilm_l6, fp32",
        ),
        ({"data": BeirData(name="nfcorpus", heldout_queries=1000)}, "data: training queries", "all"),
        ({"data": BeirData(name="nfcorpus", heldout_queries=1000)}, "data: held-out queries", "1000"),
    ],
)
def test_other_kinds(changed: dict[str, object], name: str, value: str) -> None:
    assert dict(settings(config(**changed)))[name] == value


def test_a_column_per_block_with_finished_runs(tmp_path: Path) -> None:
    blocks = {name: {f"{name}/test": 30} for name in ("docstrings", "nfcorpus", "scifact")}
    arms = {name: CORE[name] for name in ("untrained", "naive_topk", "naive_topk_reveal1", "topk_percpos")}
    folder = synthetic.write_study(tmp_path, arms=arms, blocks=blocks, seeds=(0,))
    for run in json.loads((folder / "plan.json").read_text())["runs"]:
        if run["block"] == "scifact":
            next((tmp_path / "records" / run["run_id"]).iterdir()).unlink()
    assert main(["build", "--records", str(tmp_path)]) == 0
    section = (folder / "README.md").read_text().split("## Setting\n")[1].split("## Methods")[0]
    assert "| setting | docstrings | nfcorpus |\n" in section
    assert "| data: passages | 3000 | – |\n" in section
    assert "| data: held-out queries | – | 1000 |\n" in section
    assert "| training: steps | 60 | 60 |\n" in section


def test_a_mask_and_a_weight_are_said_only_where_a_run_has_another_than_the_usual_one() -> None:
    names = ("training: in-batch mask", "training: hardness weight")
    usual, own = config(), changed_training(mask={"kind": "self"}, hardness=5.0, hardness_scope="hard")
    assert not {*names} & {*shared_settings([usual])}
    assert [shared_settings([usual, own])[name] for name in names] == [VARIES, VARIES]
    found = shared_settings([own])
    assert [found[name] for name in names] == ["self, margin 0.1, scope in_batch", "5, scope hard"]

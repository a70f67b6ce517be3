"""Every choice of conf/train: whole in its file, and run through the real command line on a tiny student."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, TypeAdapter

from experiments.command.compose import CONF, Composer
from experiments.config import TrainConfig
from experiments.models.student import build_student
from experiments.run import main
from tests.helpers.beir import write_beir
from tests.helpers.toy import toy_config, toy_execution

CHOICES = sorted(path.stem for path in (CONF / "train").glob("*.yaml"))
RUN = {
    "infonce": [],
    "infonce_unmasked": [],
    "infonce_guide": ["train.mask.margin=0.05", "train.mask.scope=all"],
    "infonce_self": ["train.mask.margin=0"],  # a random student's scores are closer to each other than .1
    "margin_mse": ["train.scale=2"],
    "kl": [],
}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A collection, and a random dense teacher in a folder."""
    root = tmp_path_factory.mktemp("choices")
    write_beir(root / "toy")
    build_student(toy_config().student, execution=toy_execution(root)).save_pretrained(str(root / "small"))
    return root


def command(root: Path, *arguments: str) -> list[str]:
    """A run of the tiny student on negatives of a random dense teacher, of whose positives two thirds are hidden."""
    steps = ["train.steps=3", "train.batch_size=8", "train.query_length=16", "train.passage_length=32"]
    own = ["data=beir", f"data.path={root}/toy", "data.positives=one", "data.train_queries=null", "student=tiny"]
    teacher = ["teacher=hub", f"teacher.name={root}/small", "mining.num_negatives=2", "mining.depth=30"]
    reading = ["evaluation.query_length=16", "evaluation.passage_length=32", "tracker=none"]
    quiet = ["execution.threads=1", "execution.progress=false", "execution.results=null", f"outputs={root}/outputs"]
    return [*own, *teacher, *reading, *quiet, *steps, *arguments]


def guide(root: Path) -> list[str]:
    values = (f"name={root}/small", "source=hub", "pooling=null", "max_length=null")
    return [f"train.mask.teacher.{value}" for value in values]


@pytest.fixture(scope="module")
def records(root: Path) -> dict[str, dict[str, Any]]:
    """The record of every choice that trains."""
    found = {}
    for choice, settings in RUN.items():
        known = set((root / "outputs/store/records").glob("*/*.json"))
        own = guide(root) if choice == "infonce_guide" else []
        assert main(command(root, f"train={choice}", *settings, *own)) == 0
        (path,) = set((root / "outputs/store/records").glob("*/*.json")) - known
        found[choice] = json.loads(path.read_text(encoding="utf-8"))
    return found


def test_every_choice_trains_a_student_of_its_own(records: dict[str, dict[str, Any]]) -> None:
    assert {"none", *records} == set(CHOICES)
    assert len({record["artifacts"]["train"] for record in records.values()}) == len(records)
    assert all(record["training"]["steps"] == 3 for record in records.values())
    assert len({str(record["training"]["loss"]) for record in records.values()}) == len(records)


def test_what_was_masked_is_in_the_record(records: dict[str, dict[str, Any]]) -> None:
    facts = {choice: record["training"] for choice, record in records.items()}
    scored = 3 * 8 * (8 * 3 - 1)
    for choice in ("infonce", "infonce_unmasked", "infonce_guide", "infonce_self"):
        assert facts[choice]["maskable"] == scored
        assert facts[choice]["known_false"] == facts["infonce"]["known_false"] > 0
    assert facts["infonce"]["masked"] == facts["infonce"]["masked_positive"] > 0
    assert 0 < facts["infonce_self"]["masked"] < scored
    assert facts["infonce"]["masked_known_false"] == facts["infonce_unmasked"]["masked"] == 0
    assert facts["infonce_guide"]["masked"] > facts["infonce_guide"]["masked_known_false"]
    assert facts["margin_mse"]["masked"] is None


def test_a_guide_that_is_the_teacher_is_encoded_once(root: Path, records: dict[str, dict[str, Any]]) -> None:
    assert len(list((root / "outputs/store/embed").glob("*/artifact.json"))) == 2
    guides = {key for name, key in records["infonce_guide"]["artifacts"].items() if name.startswith("embed guide")}
    teachers = {key for name, key in records["infonce_guide"]["artifacts"].items() if name.startswith("embed small")}
    assert guides == teachers
    assert len(guides) == 2


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["train=kl", "miner=random"], "train=kl learns the scores of a teacher"),
        (["train=infonce_guide", "train.mask.teacher.kind=bm25"], "bm25 has no vectors"),
        (["train.in_batch=false", "train.hardness=1", "train.hardness_scope=in_batch"], "weighs nothing"),
    ],
)
def test_what_cannot_be_is_one_line(
    root: Path, arguments: list[str], line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(command(root, *arguments)) != 0
    shown = capsys.readouterr()
    assert line in shown.err
    assert shown.err.count("\n") == 1


@pytest.mark.parametrize("choice", CHOICES)
def test_a_choice_holds_every_field_of_its_kind_at_the_types_own_default(choice: str) -> None:
    values = Composer().config([f"train={choice}"])["train"]
    config = TypeAdapter(TrainConfig).validate_python(values)
    assert_same_fields(values, config)
    plain = type(config).model_validate({"mask": values["mask"]} if "mask" in values else {})
    assert config == plain


def assert_same_fields(values: dict[str, Any], config: BaseModel) -> None:
    assert set(values) == set(type(config).model_fields)
    for name, value in values.items():
        if isinstance(value, dict):
            assert_same_fields(value, getattr(config, name))

"""The composed presets: every field of their type stands in them, and their pins are those of mteb's registry."""

from __future__ import annotations

from typing import Any

import mteb
import pytest
from pydantic import BaseModel, TypeAdapter

from experiments.command.compose import CONF, Composer
from experiments.config import DenseTeacher, ModelStudent, Pretrained, StudentConfig, TeacherConfig

TYPES: dict[str, TypeAdapter[Any]] = {"teacher": TypeAdapter(TeacherConfig), "student": TypeAdapter(StudentConfig)}
PRESETS = [(group, path.stem) for group in TYPES for path in sorted((CONF / group).glob("*.yaml"))]
UNPINNED = {
    "intfloat/e5-small-unsupervised",
    "intfloat/e5-base-unsupervised",
    "intfloat/e5-large-unsupervised",
    "mistralai/Mistral-7B-v0.1",
}
"""Hub models that mteb's registry does not know, so that nothing here says which commit is meant."""


@pytest.fixture(scope="module")
def composer() -> Composer:
    return Composer()


def preset(composer: Composer, group: str, choice: str) -> tuple[dict[str, Any], Any]:
    values = composer.config([f"{group}={choice}"])[group]
    if values.get("run") == "???":
        values["run"] = "0" * 16
    if values["kind"] == "precomputed":
        assert values.pop("path") is None
        values["format"] = "trec"
    return values, TYPES[group].validate_python(values)


@pytest.mark.parametrize(("group", "choice"), PRESETS)
def test_every_preset_composes_to_every_field_of_its_type(composer: Composer, group: str, choice: str) -> None:
    assert_same_fields(*preset(composer, group, choice))


def assert_same_fields(values: dict[str, Any], config: BaseModel) -> None:
    assert set(values) == set(type(config).model_fields)
    for name, value in values.items():
        if isinstance(value, dict):
            assert_same_fields(value, getattr(config, name))


@pytest.mark.parametrize("group", list(TYPES))
def test_a_hub_preset_is_the_types_own_defaults_and_leaves_the_name_to_the_user(composer: Composer, group: str) -> None:
    _, config = preset(composer, group, "hub")
    assert config.name == "???"
    assert config == {"teacher": DenseTeacher, "student": ModelStudent}[group](name="???")


@pytest.mark.parametrize(("group", "choice"), PRESETS)
def test_a_hub_models_revision_is_the_one_in_mtebs_registry(composer: Composer, group: str, choice: str) -> None:
    _, config = preset(composer, group, choice)
    if not isinstance(config, Pretrained) or config.source != "hub" or config.name == "???":
        assert getattr(config, "revision", None) is None
    elif config.name in UNPINNED:
        assert config.revision is None
        with pytest.raises(KeyError):
            mteb.get_model_meta(config.name)
    else:
        assert config.revision == mteb.get_model_meta(config.name).revision


def test_a_choice_within_a_preset_is_kept(composer: Composer) -> None:
    cut = composer.run(["student=minilm_l3_distilled", "student.base.max_length=64", "teacher=gte_modernbert_base"])
    assert cut.config.student.base.max_length == 64
    assert cut.config.student.base.layers == (0, 2, 5)
    assert cut.config.student.teacher.name == "minilm_l6"
    assert cut.config.teacher.name == "Alibaba-NLP/gte-modernbert-base"
    assert composer.run(["teacher=minilm_l3", "teacher.pooling=cls"]).config.teacher == DenseTeacher(
        name="minilm_l3", source="embedded", pooling="cls", layers=(0, 2, 5), max_length=256
    )

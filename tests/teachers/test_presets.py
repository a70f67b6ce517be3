"""The presets are the types, field for field: what Hydra shows is all there is to set."""

from pathlib import Path

import pytest
import yaml
from pydantic import BaseModel, TypeAdapter

from experiments.config import StudentConfig, TeacherConfig

CONF = Path(__file__).parents[2] / "conf"
PRESETS = [*sorted((CONF / "teacher").glob("*.yaml")), *sorted((CONF / "student").glob("*.yaml"))]


@pytest.mark.parametrize("path", PRESETS, ids=lambda path: f"{path.parent.name}={path.stem}")
def test_every_preset_names_every_field_of_its_type(path: Path) -> None:
    values = yaml.safe_load(path.read_text(encoding="utf-8"))
    config = TypeAdapter(TeacherConfig if path.parent.name == "teacher" else StudentConfig).validate_python(values)
    assert_same_fields(values, config)


def assert_same_fields(values: dict[str, object], config: BaseModel) -> None:
    assert list(values)
    assert set(values) == set(type(config).model_fields)
    for name, value in values.items():
        if isinstance(value, dict):
            assert_same_fields(value, getattr(config, name))


def test_a_hub_preset_leaves_the_name_to_the_user() -> None:
    for group in ("teacher", "student"):
        assert yaml.safe_load((CONF / group / "hub.yaml").read_text(encoding="utf-8"))["name"] == "???"

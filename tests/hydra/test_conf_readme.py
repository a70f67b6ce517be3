"""What conf/README.md shows works as it stands."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from experiments.command import compose
from experiments.command.compose import CONF, Composer
from experiments.studies.planner import StudyPlanner

README = (CONF / "README.md").read_text(encoding="utf-8")


def test_the_example_study_composes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (example,) = [text for text in re.findall(r"```yaml\n(.*?)```", README, re.DOTALL) if "@package" in text]
    conf = Path(shutil.copytree(CONF, tmp_path / "conf"))
    (conf / "study" / "example.yaml").write_text(example, encoding="utf-8")
    monkeypatch.setattr(compose, "CONF", conf)
    planner = StudyPlanner.make(["study=example"], Composer())
    places = {(cell.block, cell.arm) for cell in planner.cells()}
    assert ("docstrings", "naive_same_rows") in places
    assert {arm for block, arm in places if block == "own_negatives"} == {"naive", "percpos"}
    assert [job.composed.config.train.model_dump().get("steps") for job in planner.phase_one()] == [60] * 9


def test_every_group_is_named(composer: Composer) -> None:
    groups = {path.name for path in CONF.iterdir() if path.is_dir()} - {"hydra"}
    assert {group for group in groups if f"`{group}" not in README} == set()

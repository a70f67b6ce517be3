"""What conf/README.md shows works as it stands."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from experiments.command import compose
from experiments.command.compose import CONF, Composer
from experiments.searching.settings import Setting
from experiments.studies.planner import StudyPlanner

README = (CONF / "README.md").read_text(encoding="utf-8")


def put_example(group: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The README's file of a group, among the choices of this test."""
    found = [text for text in re.findall(r"```yaml\n(.*?)```", README, re.DOTALL) if f"\n{group}:\n" in text]
    conf = Path(shutil.copytree(CONF, folder / "conf"))
    (conf / group / "example.yaml").write_text(found[0], encoding="utf-8")
    monkeypatch.setattr(compose, "CONF", conf)


def test_the_example_search_composes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_example("search", tmp_path, monkeypatch)
    setting = Setting.make(["search=example"], Composer())
    assert [parameter.key for parameter in setting.space.parameters].count("miner.threshold") == 2
    assert len({setting.trial(settings).run_id for settings in setting.space.corners()}) == 8


def test_the_example_study_composes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_example("study", tmp_path, monkeypatch)
    planner = StudyPlanner.make(["study=example"], Composer())
    places = {(cell.block, cell.arm) for cell in planner.cells()}
    assert ("docstrings", "naive_same_rows") in places
    assert {arm for block, arm in places if block == "own_negatives"} == {"naive", "percpos"}
    assert [job.composed.config.train.model_dump().get("steps") for job in planner.phase_one()] == [60] * 9


def test_every_group_is_named(composer: Composer) -> None:
    groups = {path.name for path in CONF.iterdir() if path.is_dir()} - {"hydra"}
    assert {group for group in groups if f"`{group}" not in README} == set()

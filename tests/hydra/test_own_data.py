"""A study on other data than its file was written for."""

from __future__ import annotations

from pathlib import Path

import pytest

from experiments import status
from experiments.command.compose import Composer
from experiments.config import BeirData
from experiments.studies.declaration import Declaration
from experiments.studies.own_data import OtherData
from experiments.studies.planner import StudyPlanner
from experiments.studies.sweep import run_sweep
from tests.hydra.records import FakeLauncher


@pytest.fixture
def own(tmp_path: Path) -> list[str]:
    (tmp_path / "toy").mkdir()
    return ["data=beir", f"data.path={tmp_path}/toy"]


def data_of(planner: StudyPlanner) -> set[BeirData]:
    found = {job.composed.config.data for job in (*planner.phase_one(), *planner.phase_two())}
    return {data for data in found if isinstance(data, BeirData)}


def test_settings_of_another_kind_of_data_do_not_leak(composer: Composer, own: list[str]) -> None:
    planner = StudyPlanner.make(["study=demo", *own], composer)
    assert data_of(planner) == {BeirData(name="toy", positives="one")}
    assert "docstrings" in planner.study.expectation
    assert ".44" not in planner.study.expectation
    assert planner.study.cost == ""


def test_a_study_that_chooses_on_dev_still_carves_it_out(composer: Composer, own: list[str]) -> None:
    (data,) = data_of(StudyPlanner.make(["study=learning_rate", *own], composer))
    assert (data.dev_queries, data.train_queries) == (100, None)


def test_what_the_command_line_sets_holds(composer: Composer, own: list[str]) -> None:
    planner = StudyPlanner.make(["study=demo", *own, "data.dev_queries=7", "study.expectation=mine"], composer)
    assert {data.dev_queries for data in data_of(planner)} == {7}
    assert planner.study.expectation == "mine"


@pytest.mark.parametrize("settings", [[], ["data=docstrings"], ["data.split_seed=3"]])
def test_a_study_on_its_own_data_is_as_declared(composer: Composer, settings: list[str]) -> None:
    planner = StudyPlanner.make(["study=demo", *settings], composer)
    assert planner.other is None
    assert planner.study.expectation.startswith("untrained .44")
    assert {job.composed.config.data.model_dump()["dev_queries"] for job in planner.phase_two()} == {100}


def test_status_knows_a_study_that_was_named_on_a_command_line(
    composer: Composer, own: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = [f"outputs={tmp_path}/out", "execution.results=null"]
    arguments = ["study=demo", *own, "study.name=mine", *settings]
    run_sweep(arguments, composer=composer, launch=FakeLauncher(composer))
    capsys.readouterr()
    assert status.main(["mine", *settings]) == 0
    assert "study mine: 5 of 5 done" in capsys.readouterr().out


def test_what_was_expected_of_its_own_data_is_left_out() -> None:
    arms = {"a": ["miner=naive_topk"], "b": ["miner=random"]}
    declared = {"name": "s", "arms": arms, "expects": [{"higher": "a", "lower": "b"}], "paper": "table3"}
    elsewhere = OtherData("own", "given", ()).declaration(Declaration.model_validate(declared), keep=frozenset())
    assert (elsewhere.expects, elsewhere.paper) == ((), None)

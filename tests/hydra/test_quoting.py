"""Values as people type them reach the config as they are, through Hydra's own grammar."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.command.compose import Composer
from experiments.command.overrides import write_value
from experiments.command.quoting import accept
from experiments.entry import shell
from experiments.studies.grid import grid_jobs
from experiments.studies.planner import StudyPlanner

ODD = ["with space", "a=b", "~tilde", "it's", 'a"b', "[br]", "a(b)", "a#b", "ünï", "a:b", "d$x", "50%", "a,b"]


def parse(text: str) -> Override:
    (override,) = OverridesParser.create().parse_overrides([text])
    assert isinstance(override, Override)
    return override


@settings(max_examples=300, deadline=None)
@given(st.text(st.sampled_from("ab \\'\"=,~#{}[]()$:.é\n\t/-%"), max_size=12))
def test_a_written_value_is_read_as_it_was(text: str) -> None:
    assert parse(f"key={write_value(text)}").value() == text


@settings(max_examples=200, deadline=None)
@given(st.text(st.sampled_from("ab '\"=,~#{}[]()$:.é/-%"), max_size=12))
def test_a_folder_means_itself(text: str) -> None:
    (accepted,) = accept([f"outputs=/x{text}/x"], many=True)
    assert parse(accepted).value() == f"/x{text}/x"


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text(min_size=1), min_size=1))
def test_a_printed_command_is_split_as_it_was_typed(arguments: list[str]) -> None:
    assert shlex.split(shell(arguments)) == arguments


@pytest.mark.parametrize(
    "text", ["seed=3", "miner=a,b", "train.steps=5,6", "a='x=y'", "a=[1,2]", "a={b:c}", "~miner", "+a=1", "-m", "a="]
)
def test_what_hydra_reads_is_left_alone(text: str) -> None:
    assert accept([text], many=False) == [text]


def test_the_last_blank_of_a_prompt_stays(composer: Composer) -> None:
    typed = ["teacher=hub", "teacher.name=org/model", "teacher.query_prompt=query: "]
    assert composer.run(accept(typed, many=False)).config.teacher.model_dump()["query_prompt"] == "query: "


@pytest.mark.parametrize("name", ODD)
def test_any_folder_can_be_given_to_a_run_a_sweep_and_a_study(composer: Composer, tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    typed = ["data=beir", f"data.path={folder}"]
    assert composer.run(accept(typed, many=False)).execution.data_paths == {name: folder}
    (job,) = grid_jobs(accept(typed, many=True), composer)
    assert job.composed.execution.data_paths == {name: folder}
    planner = StudyPlanner.make(["study=layout", *accept(typed, many=True)], composer)
    assert planner.phase_two()[0].composed.execution.data_paths == {name: folder}
    assert planner.phase_two()[0].composed.config.data.name == name


def test_several_folders_are_swept(composer: Composer, tmp_path: Path) -> None:
    for name in ("a=b", "it's", "plain"):
        (tmp_path / name).mkdir()
    typed = f"data.path={tmp_path}/a=b,{tmp_path}/it's,{tmp_path}/plain"
    jobs = grid_jobs(accept(["data=beir", typed], many=True), composer)
    assert [job.composed.config.data.name for job in jobs] == ["a=b", "it's", "plain"]

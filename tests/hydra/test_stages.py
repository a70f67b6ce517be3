"""Arms whose teacher or student is what a run of another arm has trained: who is named, in which order they run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from experiments.command.build import Composed
from experiments.command.compose import Composer
from experiments.config import CheckpointStudent, CheckpointTeacher
from experiments.errors import UserError
from experiments.run import main
from experiments.studies.declaration import Declaration
from experiments.studies.jobs import run_jobs
from experiments.studies.planner import StudyPlanner
from tests.hydra.records import FakeLauncher

MINED_TWICE = {
    "again": {"overrides": ["miner=topk_abs", "teacher.max_length=64"], "teacher_of": "first"},
    "first": ["miner=topk_percpos"],
    "longer": {"overrides": ["miner=random"], "student_of": {"arm": "again", "seed": 0}},
}


def plan(composer: Composer, *settings: str, **study: Any) -> StudyPlanner:
    declared = Declaration.model_validate({"name": "made", **study})
    return StudyPlanner(composer, declared, "study=demo", settings)


def composed(planner: StudyPlanner) -> dict[tuple[str, int], Composed]:
    return {(job.cell.arm, job.cell.seed): job.composed for job in planner.phase_two() if job.cell}


def test_a_stage_is_the_run_of_the_named_arm_and_seed(composer: Composer) -> None:
    runs = composed(plan(composer, arms=MINED_TWICE, seeds=[0, 1]))
    assert runs["again", 0].config.teacher == CheckpointTeacher(
        run=runs["first", 0].run_id, max_length=64, precision="bf16"
    )
    assert runs["again", 1].config.teacher.run == runs["first", 1].run_id
    for seed in (0, 1):
        assert runs["longer", seed].config.student == CheckpointStudent(run=runs["again", 0].run_id)


def test_what_the_command_line_says_of_a_student_holds_for_the_runs_that_start_from_a_base(composer: Composer) -> None:
    runs = composed(plan(composer, "student=tiny", "teacher=static", arms=MINED_TWICE))
    assert runs["first", 0].config.student.kind == "tiny"
    assert runs["first", 0].config.teacher.name == "static"
    assert runs["again", 0].config.student.kind == "tiny"
    assert runs["again", 0].config.teacher.kind == "checkpoint"
    assert runs["longer", 0].config.student.kind == "checkpoint"


def test_a_run_waits_for_the_one_whose_student_it_takes(composer: Composer, tmp_path: Path) -> None:
    planner = plan(composer, f"outputs={tmp_path}", "execution.results=null", arms=MINED_TWICE, seeds=[0, 1])
    launcher = FakeLauncher(composer)
    assert run_jobs(planner.phase_two(), launcher) == []
    arms = [[(run.execution.labels.arm, run.config.seed) for run in batch] for batch in launcher.batches]
    assert arms == [[("first", 0), ("first", 1)], [("again", 0), ("again", 1)], [("longer", 0), ("longer", 1)]]


@pytest.mark.parametrize(
    ("arms", "says"),
    [
        ({"a": {"overrides": [], "teacher_of": "a"}}, "main / a / seed 0 <- main / a / seed 0: each needs"),
        (
            {"a": {"overrides": [], "teacher_of": "b"}, "b": {"overrides": [], "rows_of": ["a"]}},
            "main / a / seed 0 <- main / b / seed 0 <- main / a / seed 0: each needs the one after it",
        ),
        (
            {"a": ["train=none"], "b": {"overrides": [], "student_of": "a"}},
            "main / b / seed 0: student_of=a: that arm has train=none and trains no student",
        ),
        (
            {"a": ["until=mine"], "b": {"overrides": [], "teacher_of": "a"}},
            "main / b / seed 0: teacher_of=a: that arm has until=mine and trains no student",
        ),
        (
            {"a": ["miner=random"], "b": {"overrides": [], "teacher_of": {"arm": "a", "seed": 7}}},
            "main / b / seed 0: teacher_of=a: block main does not run that arm with seed 7",
        ),
    ],
)
def test_a_stage_that_cannot_be_is_one_line(composer: Composer, arms: dict[str, Any], says: str) -> None:
    with pytest.raises(UserError) as caught:
        plan(composer, arms=arms).phase_two()
    assert str(caught.value).startswith(says)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("arms", "says"),
    [
        ({"a": {"overrides": [], "teacher_of": "b"}}, r"arm 'a' \(teacher_of\) names the arm 'b'"),
        (
            {"a": {"overrides": [], "student_of": {"arm": "a", "block": "x"}}},
            r"arm 'a' \(student_of\) names the block 'x'",
        ),
        ({"a": {"overrides": [], "student_of": "c"}}, r"names 'c', which waits for phase 1"),
    ],
)
def test_a_declaration_names_arms_and_blocks_that_are_there(arms: dict[str, Any], says: str) -> None:
    choose = {"c": {"overrides": ["miner=topk_percpos"], "key": "miner.threshold", "values": [0.9, 1.0]}}
    with pytest.raises(ValueError, match=says):
        Declaration.model_validate({"name": "made", "arms": arms, "choose": choose})


def test_a_plan_without_stages_is_written_as_before() -> None:
    study = Declaration.model_validate({"name": "made", "arms": {"a": ["miner=random"]}})
    assert study.model_dump(mode="json")["arms"] == {"a": {"overrides": ["miner=random"], "rows_of": []}}


def test_the_papers_second_stage_goes_on_from_its_first(
    composer: Composer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    planner = StudyPlanner.make(["study=nv_retriever_v1"], composer)
    runs = {(job.cell.block, job.cell.arm): job.composed for job in planner.phase_two() if job.cell}
    second = runs["blended", "two_stages"].config
    assert second.student == CheckpointStudent(run=runs["retrieval", "topk_percpos"].run_id)
    assert (second.mining.num_negatives, second.train.steps) == (5, 9948)
    assert main(["-m", "study=nv_retriever_v1", "dry_run=true", f"outputs={tmp_path}"]) == 0
    told = capsys.readouterr().out
    assert told.count("memory  mistralai/Mistral-7B-v0.1") == 2
    assert "batch 1024" in told

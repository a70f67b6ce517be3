"""`experiments.status` over real studies whose records a launcher leaves without training anything."""

from __future__ import annotations

import multiprocessing
import shlex
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from experiments import renew, status
from experiments.command.build import Composed
from experiments.command.compose import Composer
from experiments.records.folder import UNFINISHED, find_record, write_failure, write_record
from experiments.store.use import at_work
from experiments.studies.planner import StudyPlanner
from experiments.studies.sweep import SweepFailed, run_sweep
from tests.hydra.records import FakeLauncher, leave_record

Show = Callable[..., list[str]]


@pytest.fixture
def show(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Show:
    """The lines that status prints of a study in this test's folder."""

    def shown(*arguments: str) -> list[str]:
        capsys.readouterr()
        assert status.main([*arguments, *settings(tmp_path)]) in {0, 1}
        return capsys.readouterr().out.splitlines()

    return shown


def settings(folder: Path) -> list[str]:
    return [f"outputs={folder}", "execution.results=null"]


def sweep(composer: Composer, folder: Path, *arguments: str, **launcher: object) -> FakeLauncher:
    launch = FakeLauncher(composer, **launcher)  # type: ignore[arg-type]
    try:
        run_sweep([*arguments, *settings(folder)], composer=composer, launch=launch)
    except SweepFailed:
        assert launcher
    return launch


def took(composer: Composer, folder: Path, arm: str, seed: int, seconds: float) -> None:
    """Leave the record of a cell of the demo that took so long."""
    arguments = ["study=demo", "study.seeds=[0,1]", *settings(folder)]
    for job in StudyPlanner.make(arguments, composer).phase_two():
        if job.cell is not None and (job.cell.arm, job.cell.seed) == (arm, seed):
            record = leave_record(job.composed)
            write_record(job.composed.execution.store, record.model_copy(update={"timings": {"wall": seconds}}), None)


def test_time_spent_is_that_of_the_records_and_time_left_that_of_the_same_arm(
    composer: Composer, tmp_path: Path, show: Show
) -> None:
    assert "not known before one is finished" in show("demo", "study.seeds=[0,1]")[-2]
    took(composer, tmp_path, "untrained", 0, 10.0)
    took(composer, tmp_path, "random", 0, 40.0)
    (line,) = [text for text in show("demo", "study.seeds=[0,1]") if text.startswith("time: ")]
    # Left: untrained 10, random 40, and three arms x two seeds that have none: the block's median, 25.
    assert line.startswith("time: 50 s spent on 2 runs; about 3 minutes left for 8 one after another")


def test_failed_shows_one_line_a_failure_and_where_its_log_is(composer: Composer, tmp_path: Path, show: Show) -> None:
    sweep(composer, tmp_path, "study=demo", broken=lambda run: run.config.miner.kind == "random")
    head, line = show("demo", "--failed")
    assert head == "study demo: 4 of 5 done, 1 failed"
    assert line.startswith("failed  main / random / seed 0  ")
    assert line.endswith(": OSError: disk full (log: run.log)")
    sweep(composer, tmp_path, "study=demo")
    assert show("demo", "--failed")[1:] == ["nothing failed"]
    assert show("demo", "--missing")[1:] == ["nothing is missing"]


def test_the_commands_of_missing_run_what_is_missing_and_nothing_else(
    composer: Composer, tmp_path: Path, show: Show
) -> None:
    own = ["study=demo", "study.seeds=[0,1]"]
    sweep(composer, tmp_path, *own, "only=[naive_topk,untrained]")
    lines = show("demo", "study.seeds=[0,1]", "--missing")
    launched: list[Composed] = []
    for line in lines:
        if line.startswith("python"):
            head, arguments = shlex.split(line)[:4], shlex.split(line)[4:]
            assert head == ["python", "-m", "experiments.run", "-m"]
            launch = FakeLauncher(composer)
            run_sweep(arguments, composer=composer, launch=launch)
            launched += launch.launched
    told = [line.split()[-1] for line in lines if line.startswith("    ")]
    assert [run.run_id for run in launched] == told
    assert len(told) == 6
    assert show("demo", "study.seeds=[0,1]")[0] == "study demo: 10 of 10 done"


def test_the_commands_of_a_plain_sweep_are_single_runs(composer: Composer, tmp_path: Path, show: Show) -> None:
    sweep(composer, tmp_path, "miner=naive_topk,random", "seed=0,1", broken=lambda run: run.config.seed == 1)
    (name,) = [path.name for path in (tmp_path / "store" / "studies").iterdir()]
    lines = show(name, "--missing")[1:]
    for command, told in zip(lines[::2], lines[1::2], strict=True):
        head, arguments = shlex.split(command)[:3], shlex.split(command)[3:]
        assert head == ["python", "-m", "experiments.run"]
        assert composer.run(arguments).run_id == told.split()[-1]
    assert len(lines) == 4


def _work(root: Path, connection: Connection) -> None:
    with at_work(root):
        connection.send("here")
        connection.recv()


def test_a_run_that_was_killed_is_told_apart_from_one_that_is_running(
    composer: Composer, tmp_path: Path, show: Show
) -> None:
    run = composer.run(["study=demo", "miner=random", *settings(tmp_path)])
    write_failure(run.execution.store, run.run_id, cause=UNFINISHED, log="run.log")
    assert show("demo")[0] == "study demo: 0 of 5 done, 4 missing, 1 killed"
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("fork").Process(target=_work, args=(run.execution.store, there))
    process.start()
    assert here.recv() == "here"
    assert show("demo")[0] == "study demo: 0 of 5 done, 4 missing, 1 started"
    process.kill()
    process.join()
    assert show("demo", "--failed")[1].startswith(f"killed  main / random / seed 0  {run.run_id}: it was started")


def test_a_choice_that_dev_no_longer_gives_is_told_by_status_and_by_renew(
    composer: Composer, tmp_path: Path, show: Show, capsys: pytest.CaptureFixture[str]
) -> None:
    study = ["study=learning_rate", "study.seeds=[0]"]
    sweep(composer, tmp_path, *study, score=lambda run: 0.6 if _rate(run) == 3e-5 else 0.5)
    assert not [line for line in show("learning_rate", "study.seeds=[0]") if "dev prefers" in line]
    dev = StudyPlanner.make([*study, *settings(tmp_path)], composer).phase_one()
    for job in dev:
        if _rate(job.composed) == 1e-4 and job.cell is not None and job.cell.block == "minilm_l3":
            leave_record(job.composed, 0.9)
    lines = show("learning_rate", "study.seeds=[0]")
    (told,) = [line for line in lines if "dev prefers" in line]
    assert told.startswith("minilm_l3 / random_dev: train.learning_rate was 3e-05, and dev prefers 0.0001 now")
    assert "1 missing" in lines[0]
    results = tmp_path / "results" / "learning_rate"
    results.mkdir(parents=True)
    (results / "plan.json").write_bytes((tmp_path / "store" / "studies" / "learning_rate" / "plan.json").read_bytes())
    capsys.readouterr()
    assert renew.main(["learning_rate", "--results", str(results.parent), "--store", str(tmp_path / "store")]) == 0
    assert told in capsys.readouterr().out
    assert find_record([tmp_path / "store"], dev[0].composed.run_id) is not None


def _rate(run: Composed) -> float:
    return float(run.config.train.model_dump().get("learning_rate", 0.0))


def test_why_needs_a_run_of_the_study(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert status.main(["demo", "--why", "zzzz", *settings(tmp_path)]) == 2
    assert "--why zzzz: the study has no such run: name one of " in capsys.readouterr().err

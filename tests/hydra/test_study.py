"""Studies through the real study files and composer; the launcher leaves records instead of training."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock, Timeout

from experiments.collections.load import load_collection
from experiments.command.build import Composed
from experiments.command.compose import Composer
from experiments.errors import UserError
from experiments.records.facts import CollectionFacts
from experiments.records.folder import UNFINISHED, failure_path, write_failure, write_record
from experiments.records.held import hold_run, is_held, lock_path
from experiments.studies.dev import check_dev_only
from experiments.studies.plan import Plan, plan_path, read_plan
from experiments.studies.planner import StudyPlanner
from experiments.studies.sweep import SweepFailed, run_sweep
from tests.helpers.beir import write_beir
from tests.hydra.records import FakeLauncher, leave_record

DEMO = ["untrained", "random", "naive_topk", "naive_topk_reveal1", "topk_percpos"]
TWO_PHASES = ["study=learning_rate", "study.seeds=[0]"]


def sweep(composer: Composer, folder: Path, *arguments: str, **launcher: Any) -> FakeLauncher:
    launch = FakeLauncher(composer, **launcher)
    run_sweep([*arguments, f"outputs={folder}", "execution.results=null"], composer=composer, launch=launch)
    return launch


def arms(runs: list[Composed]) -> list[str | None]:
    return [run.execution.labels.arm for run in runs]


def plan_of(folder: Path, study: str) -> Plan:
    return read_plan(plan_path(folder / "store", study))


def test_a_study_runs_its_arms_seed_by_seed_and_a_second_time_nothing(composer: Composer, tmp_path: Path) -> None:
    first = sweep(composer, tmp_path, "study=demo", "study.seeds=[1,0]")
    assert arms(first.launched) == DEMO * 2
    assert [run.config.seed for run in first.launched] == [1] * 5 + [0] * 5
    assert [run.position for run in first.launched][:2] == ["1/10", "2/10"]
    assert sweep(composer, tmp_path, "study=demo", "study.seeds=[1,0]").launched == []


def test_dry_run_shows_the_plan_and_leaves_nothing(
    composer: Composer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    leave_record(composer.run(["study=demo", "miner=random", f"outputs={tmp_path}"]))
    before = sorted(tmp_path.rglob("*"))
    assert sweep(composer, tmp_path, "study=demo", "dry_run=true").launched == []
    shown = capsys.readouterr().out
    assert "5 runs, 1 already done" in shown
    assert [line.split()[1] for line in shown.splitlines() if " / seed 0" in line] == ["to", "done", "to", "to", "to"]
    assert sorted(tmp_path.rglob("*")) == before


def test_a_failed_run_stops_no_other_and_is_listed(
    composer: Composer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(run: Composed) -> bool:
        return run.config.miner.kind == "random"

    with pytest.raises(SweepFailed):
        sweep(composer, tmp_path, "study=demo", broken=broken)
    shown = capsys.readouterr().out
    assert "1 of the runs failed" in shown
    assert "main / random / seed 0" in shown
    assert "OSError: disk full" in shown
    assert "log: run.log" in shown
    assert arms(sweep(composer, tmp_path, "study=demo").launched) == ["random"]


def test_a_killed_worker_costs_one_run(composer: Composer, tmp_path: Path) -> None:
    launch = FakeLauncher(composer, dies_at=1)
    with pytest.raises(SweepFailed):
        run_sweep(["study=demo", f"outputs={tmp_path}", "execution.results=null"], composer=composer, launch=launch)
    assert [arms(batch) for batch in launch.batches] == [DEMO[:2], DEMO[2:]]


@contextmanager
def held_elsewhere(store: Path, *run_ids: str) -> Iterator[None]:
    """The runs are held as another process would. Raises Timeout where this one holds them."""
    with ExitStack() as held:
        for run_id in run_ids:
            path = lock_path(store, run_id)
            path.parent.mkdir(parents=True, exist_ok=True)
            held.enter_context(FileLock(path, timeout=0))
        yield


def one_by_one(composer: Composer, folder: Path, **launcher: Any) -> FakeLauncher:
    """The study demo, each run launched by itself."""
    launch, given = FakeLauncher(composer, **launcher), ["study=demo", f"outputs={folder}", "execution.results=null"]
    run_sweep(given, composer=composer, launch=launch, one_by_one=True)
    return launch


def test_a_second_command_leaves_to_the_end_what_another_process_is_at(composer: Composer, tmp_path: Path) -> None:
    noted: list[bool] = []
    first, second, *_ = sweep(composer, tmp_path / "other", "study=demo").launched
    store = tmp_path / "store"
    note = failure_path(store, first.run_id)

    def fail_none(_run: Composed) -> bool:
        noted.append(note.is_file())
        return False

    write_failure(store, first.run_id, cause=UNFINISHED, log="run.log")
    with held_elsewhere(store, first.run_id, second.run_id):
        launch = one_by_one(composer, tmp_path, broken=fail_none)
    assert [arms(batch) for batch in launch.batches] == [[arm] for arm in [*DEMO[2:], *DEMO[:2]]]
    assert [run.position for run in launch.launched] == ["1/5", "2/5", "3/5", "4/5", "5/5"]
    assert all(noted[:4])


def test_what_another_process_has_done_meanwhile_is_not_launched(composer: Composer, tmp_path: Path) -> None:
    def done_elsewhere(run: Composed) -> float:
        if run.execution.labels.arm == DEMO[0]:
            leave_record(other)
        return 0.5

    other = composer.run(["study=demo", "miner=random", f"outputs={tmp_path}"])
    assert arms(one_by_one(composer, tmp_path, score=done_elsewhere).launched) == [DEMO[0], *DEMO[2:]]


def test_a_run_is_held_as_long_as_a_process_is_at_it(tmp_path: Path) -> None:
    assert not is_held(tmp_path, "a")
    assert list(tmp_path.iterdir()) == []
    with held_elsewhere(tmp_path, "a"):
        assert is_held(tmp_path, "a")
        assert not is_held(tmp_path, "b")
        with pytest.raises(Timeout), hold_run(tmp_path, "a"):
            pass
    assert not is_held(tmp_path, "a")
    with hold_run(tmp_path, "a"), hold_run(tmp_path, "a"):
        assert not is_held(tmp_path, "a")
        with pytest.raises(Timeout), held_elsewhere(tmp_path, "a"):
            pass


def test_finished_runs_of_another_folder_do_not_count_as_done(composer: Composer, tmp_path: Path) -> None:
    folder = write_beir(tmp_path / "toy")
    arguments = ["data=beir", f"data.path={folder}", f"outputs={tmp_path}"]
    run = composer.run(arguments)
    collection = load_collection(run.config.data, execution=run.execution, cache=tmp_path)
    facts = CollectionFacts(content_hash=collection.content_hash, documents=0, queries={}, report={})
    record = leave_record(run).model_copy(update={"collections": {"toy": facts}})
    write_record(run.execution.store, record, None)
    launch = FakeLauncher(composer)
    run_sweep(arguments, composer=composer, launch=launch)
    assert launch.launched == []
    write_beir(folder, seed=1)
    with pytest.raises(UserError, match="give the changed collection another name"):
        run_sweep(arguments, composer=composer, launch=launch)


def test_the_plan_keeps_the_declaration_of_the_first_run(composer: Composer, tmp_path: Path) -> None:
    sweep(composer, tmp_path, "study=demo")
    first = plan_of(tmp_path, "demo")
    assert first.declaration == first.declared_at_first_run
    assert [(run.arm, run.seed, run.phase) for run in first.runs] == [(arm, 0, 2) for arm in DEMO]
    sweep(composer, tmp_path, "study=demo", "study.margin=0.01")
    second = plan_of(tmp_path, "demo")
    assert second.declaration.margin == 0.01
    assert [change[0] for change in second.changes] == ["margin"]
    assert second.declared_at_first_run == first.declaration
    assert second.runs == first.runs


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["miner=random"], "miner is what study demo varies"),
        (["train=infonce"], "train is what study demo varies"),
        (["mining.reveal=0.5"], "mining.reveal is what study demo varies"),
        (["seed=3"], "set study.seeds"),
        (["teacher=bm25,random"], "takes one value"),
        (["train.stps=3"], "did you mean 'steps'"),
        (["train.steps=0"], "main / random / seed 0: train.steps=0"),
        (["study.baseline=nothing"], "baseline names the arm 'nothing'"),
        (["study.sedes=[1]"], "did you mean 'seeds'"),
    ],
)
def test_what_the_command_line_may_not_set(composer: Composer, arguments: list[str], says: str) -> None:
    with pytest.raises(UserError, match=says):
        run_sweep(["study=demo", *arguments, "dry_run=true"], composer=composer, launch=FakeLauncher(composer))


def test_the_command_line_wins_where_arms_agree_and_skips_arms_without_the_key(composer: Composer) -> None:
    jobs = StudyPlanner.make(["study=demo", "train.steps=7", "teacher=bm25"], composer).phase_two()
    steps = {job.cell.arm: getattr(job.composed.config.train, "steps", None) for job in jobs if job.cell}
    assert steps == {"untrained": None, **dict.fromkeys(DEMO[1:], 7)}
    assert {job.composed.config.teacher.kind for job in jobs} == {"bm25"}


def test_phase_two_takes_the_value_that_is_best_on_dev(composer: Composer, tmp_path: Path) -> None:
    def score(run: Composed) -> float:
        rate = getattr(run.config.train, "learning_rate", 0.0)
        best = 3e-4 if run.config.student.kind == "distilled" else 3e-5
        return 0.6 if rate == best else 0.5

    launch = sweep(composer, tmp_path, *TWO_PHASES, score=score)
    dev, test = launch.batches
    assert len(dev) == 12
    for run in dev:
        check_dev_only(run.config, "dev run")
    assert {run.config.evaluation.splits for run in test} == {("test",)}
    rates = {
        run.config.student.kind: run.config.train.model_dump().get("learning_rate")
        for run in test
        if run.config.train.kind == "infonce"
    }
    assert rates == {"model": 3e-5, "distilled": 3e-4}
    plan = plan_of(tmp_path, "learning_rate")
    chosen = plan.chosen["minilm_l3/random_dev"]
    assert (chosen.key, chosen.value, chosen.by) == ("train.learning_rate", 3e-5, "dev nDCG@10")
    assert [round(point.mean or 0.0, 9) for point in chosen.curve] == [0.6, 0.5, 0.5]
    assert {run.phase for run in plan.runs} == {1, 2}
    assert sweep(composer, tmp_path, *TWO_PHASES).launched == []


def test_a_missing_dev_run_stops_phase_two_of_that_arm_only(
    composer: Composer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(run: Composed) -> bool:
        return run.config.student.kind == "distilled" and run.config.evaluation.splits == ("dev",)

    launch = FakeLauncher(composer, broken=broken)
    with pytest.raises(SweepFailed):
        run_sweep([*TWO_PHASES, f"outputs={tmp_path}", "execution.results=null"], composer=composer, launch=launch)
    assert arms(launch.batches[1]) == ["untrained", "random_dev", "untrained"]
    shown = capsys.readouterr().out
    assert "minilm_l3_distilled / random_dev: no value chosen, dev runs are missing for train.learning_rate=" in shown


def test_no_command_line_makes_phase_one_look_at_test_queries(composer: Composer) -> None:
    arguments = ["study=learning_rate", "evaluation.splits=[test,dev]", "evaluation.collections=[docstrings]"]
    planner = StudyPlanner.make(arguments, composer)
    assert {job.composed.config.evaluation.splits for job in planner.phase_one()} == {("dev",)}
    with pytest.raises(UserError, match="dev queries only"):
        check_dev_only(planner.phase_two()[0].composed.config, "x")


def test_an_arm_can_be_restricted_to_the_rows_of_another(composer: Composer) -> None:
    planner = StudyPlanner.make(["study=why_positive_aware", "study.seeds=[0]"], composer)
    configs = {job.cell.arm: job.composed.config for job in planner.phase_two() if job.cell}
    (common,) = configs["naive_topk_common"].mining.common_with
    assert common.miner == configs["topk_percpos"].miner
    assert common.teacher == configs["topk_percpos"].teacher
    assert configs["naive_topk"].mining.common_with == ()
    (clean,) = configs["naive_topk_common_reveal1"].mining.common_with
    assert (configs["naive_topk_common_reveal1"].mining.reveal, clean.reveal) == (1.0, 0.0)


@pytest.mark.parametrize("study", ["demo", "layout", "learning_rate", "why_positive_aware"])
def test_every_study_of_the_repository_composes(composer: Composer, study: str) -> None:
    planner = StudyPlanner.make([f"study={study}", "study.seeds=[0]"], composer)
    assert planner.phase_one() or not planner.study.choose
    assert planner.phase_two()
    assert planner.study.name == study


def test_the_plan_is_plain_json(composer: Composer, tmp_path: Path) -> None:
    sweep(composer, tmp_path, "study=demo")
    text = plan_path(tmp_path / "store", "demo").read_text(encoding="utf-8")
    assert json.loads(text)["runs"][0]["overrides"] == ["train=none", "seed=0"]


def test_only_runs_the_named_arms_and_keeps_the_whole_plan(composer: Composer, tmp_path: Path) -> None:
    first = sweep(composer, tmp_path, "study=demo", "study.seeds=[0]", "only=[random,naive_topk]")
    assert arms(first.launched) == ["random", "naive_topk"]
    assert [run.arm for run in plan_of(tmp_path, "demo").runs] == DEMO
    rest = sweep(composer, tmp_path, "study=demo", "study.seeds=[0]")
    assert arms(rest.launched) == ["untrained", "naive_topk_reveal1", "topk_percpos"]
    assert plan_of(tmp_path, "demo").command == ("study=demo", "study.seeds=[0]")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("only=[randm]", "only: study demo has no arm or block 'randm', did you mean 'random'?"),
        ("only=random", r"only=random: should be a list of arms or blocks, as in only=\[untrained\]"),
    ],
)
def test_only_names_what_the_study_has(composer: Composer, tmp_path: Path, given: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        sweep(composer, tmp_path, "study=demo", given)

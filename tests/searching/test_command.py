"""A search through its command on a small collection: trials, pruning, what costs nothing, a resume, mistakes."""

from __future__ import annotations

import csv
import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from experiments import search as command
from experiments import status
from experiments.command.compose import Composer
from experiments.command.own_study import take_study
from experiments.records.folder import find_record
from experiments.searching.settings import Setting
from experiments.searching.trials import SearchFile, read_search
from experiments.tracking import mirror
from tests.helpers.beir import write_beir

ROOT = Path(__file__).resolve().parents[2]
SETTINGS: dict[str, Any] = {
    "mining": {"depth": 30, "num_negatives": 2},
    "train": {"steps": 6, "batch_size": 8, "query_length": 12, "passage_length": 16, "learning_rate": 0.001},
    "evaluation": {"query_length": 12, "passage_length": 16},
    "execution": {"threads": 1, "progress": False, "results": None, "device": "cpu"},
}
GROUPS = {
    "data": "beir",
    "teacher": "bm25",
    "student": "tiny",
    "train": "infonce",
    "miner": "topk_abs",
    "tracker": "none",
}


def write_search(folder: Path, **search: Any) -> Path:
    """A search's file, in YAML."""
    defaults = [{f"override /{group}": choice} for group, choice in GROUPS.items()]
    content = {"defaults": defaults, **SETTINGS, "search": {"seeds": [7, 8], **search}}
    path = folder / f"{search['name']}.yaml"
    path.write_text("# @package _global_\n" + yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    return path


def arguments(root: Path, file: Path, *more: str) -> list[str]:
    return [f"search={file}", f"data.path={root}/toy", "data.positives=one", f"outputs={root}/outputs", *more]


def found(root: Path, name: str) -> SearchFile:
    read = read_search(root / "outputs/store/studies" / name)
    assert read is not None
    return read


def page(root: Path, name: str) -> str:
    return (root / "outputs/store/studies" / name / "README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("search")
    write_beir(folder / "toy")
    return folder


THRESHOLDS = {
    "name": "thresholds",
    "space": {"miner.threshold": [6.0, 8.0, 4000.0, 5000.0]},
    "paper": {"abs_8": {"miner.threshold": 8.0}},
    "trials": 9,
    "sampler": "grid",
    "pareto": ["dev nDCG@10", "known false rate"],
}


@pytest.fixture(scope="module")
def grid(root: Path) -> SearchFile:
    """A grid that is stopped after two of its four points, and goes on."""
    file = write_search(root, **THRESHOLDS)
    assert command.main(arguments(root, file, "search.trials=2")) == 0
    assert [trial.state for trial in found(root, "thresholds").trials] == ["whole", "whole", "waiting", "waiting"]
    assert command.main(arguments(root, file)) == 0
    return found(root, "thresholds")


def test_a_grid_tries_the_paper_first_and_every_point_once(grid: SearchFile) -> None:
    tried = [trial.settings["miner.threshold"] for trial in grid.trials]
    assert tried[0] == 8.0
    assert sorted(map(float, tried)) == [6.0, 8.0, 4000.0, 5000.0]  # type: ignore[arg-type]
    assert [trial.paper for trial in grid.trials] == ["abs_8", None, None, None]


def test_thresholds_that_choose_the_same_rows_train_once(root: Path, grid: SearchFile) -> None:
    """No score reaches a bar of 4000 or 5000, so the rows are the same."""
    lax = [trial for trial in grid.trials if float(trial.settings["miner.threshold"] or 0) >= 4000]
    assert [trial.trained for trial in lax] == [True, False]
    assert lax[0].student == lax[1].student
    assert lax[0].run_id != lax[1].run_id
    assert lax[0].values["dev nDCG@10"] == lax[1].values["dev nDCG@10"]
    assert "- 1 whole trials cost no training" in page(root, "thresholds")


def test_values_are_those_of_the_records_and_of_dev_queries_alone(root: Path, grid: SearchFile) -> None:
    for trial in grid.trials:
        record = find_record([root / "outputs/store"], trial.run_id)
        assert record is not None
        assert list(record.tasks) == ["toy/dev"]
        assert trial.values["dev nDCG@10"] == record.tasks["toy/dev"].measures["nDCG@10"]
        assert record.mining is not None
        assert trial.values["known false rate"] == record.mining.known_false / record.mining.mined


def test_the_winner_is_run_again_on_test_with_fresh_seeds(root: Path, grid: SearchFile) -> None:
    assert grid.winner is not None
    best = max(grid.trials, key=lambda trial: trial.values["dev nDCG@10"])
    assert grid.trial(grid.winner).values["dev nDCG@10"] == best.values["dev nDCG@10"]
    text = page(root, "thresholds")
    for section in ("What was found", "Trials", "Trade-offs", "Methods", "Setting"):
        assert f"## {section}\n" in text
    if grid.trial(grid.winner).run_id != grid.trials[0].run_id:
        assert "## How much of the gain was selection\n" in text
        assert "dev again, 2 fresh seeds" in text


def test_the_line_of_the_winner_is_its_run(root: Path, grid: SearchFile) -> None:
    file = root / "thresholds.yaml"
    composer = Composer()
    setting = Setting.make(take_study(arguments(root, file)), composer)
    assert grid.winner is not None
    settings = grid.trial(grid.winner).settings
    plain, fresh = composer.run(list(grid.line)), setting.fresh(settings, arm="winner", seed=0)
    assert plain.config.evaluation.splits == ("test",)
    same = {"evaluation": fresh.config.evaluation}
    assert plain.config.model_copy(update=same) == fresh.config


def test_every_trial_is_in_the_table(root: Path, grid: SearchFile) -> None:
    text = (root / "outputs/store/studies/thresholds/tables/trials.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["run_id"] for row in rows] == [trial.run_id for trial in grid.trials]


def test_the_same_command_again_runs_nothing(root: Path, grid: SearchFile, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(arguments(root, root / "thresholds.yaml")) == 0
    assert "[trial" not in capsys.readouterr().out
    assert found(root, "thresholds").trials == grid.trials


def test_its_status_is_told(root: Path, grid: SearchFile, capsys: pytest.CaptureFixture[str]) -> None:
    assert status.main(["thresholds", f"outputs={root}/outputs"]) == 0
    first, second, third = capsys.readouterr().out.splitlines()
    assert first == "search thresholds: 4 whole (of at most 9 trials)"
    assert second.startswith(f"winner  trial {grid.winner}: miner.threshold=")
    assert third == f"runs with fresh seeds  {len(fresh_runs(grid))} of {len(fresh_runs(grid))} done"


def fresh_runs(grid: SearchFile) -> list[int]:
    """A seed for each run: of the winner, and of the paper's setting where that is another."""
    arms = {grid.winner, grid.baseline.number if grid.baseline is not None else None}
    return [seed for seed in grid.search.seeds for _ in arms]


def test_trials_are_a_group_of_the_searchs_name(root: Path) -> None:
    """What Weights & Biases is given: a group, a job type and tags are made of these labels."""
    setting = Setting.make(take_study(arguments(root, write_search(root, **THRESHOLDS))), Composer())
    trial = setting.trial({"miner.threshold": 8.0}, number=3)
    assert mirror.group(trial.config, trial.execution.labels) == "thresholds"
    assert mirror.job_type(trial.config, trial.execution.labels) == "trial"
    assert {"search:thresholds", "trial:3"} <= set(mirror.tags(trial.config, trial.execution.labels))
    fresh = setting.fresh({"miner.threshold": 8.0}, arm="winner", seed=101)
    assert mirror.group(fresh.config, fresh.execution.labels) == "thresholds"
    assert mirror.job_type(fresh.config, fresh.execution.labels) == "confirmation"
    assert trial.execution.output == root / "outputs" / "runs" / trial.run_id


def test_other_settings_are_another_search(root: Path, grid: SearchFile, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(arguments(root, root / "thresholds.yaml", "train.steps=7")) == 2
    assert "begun with another space, other objectives or other settings" in capsys.readouterr().err


@pytest.fixture(scope="module")
def pruned(root: Path) -> SearchFile:
    """A learning rate that ruins the student, twice with the same rows; the median of the paper's trial ends it."""
    space = {"train.learning_rate": [0.001, 0.5], "miner.threshold": [4000.0, 5000.0]}
    paper = {"good": {"train.learning_rate": 0.001, "miner.threshold": 4000.0}}
    declared = {
        "space": space,
        "paper": paper,
        "trials": 4,
        "sampler": "grid",
        "pruner": "median",
        "startup": 1,
        "every": 1,
    }
    file = write_search(root, name="pruned", **declared)
    assert command.main(arguments(root, file, "train.steps=5")) == 0
    return found(root, "pruned")


def test_a_pruned_trial_leaves_neither_record_nor_student(root: Path, pruned: SearchFile) -> None:
    bad = [trial for trial in pruned.trials if trial.settings["train.learning_rate"] == 0.5]
    assert [trial.state for trial in bad] == ["pruned", "pruned"]
    for trial in bad:
        assert find_record([root / "outputs/store"], trial.run_id) is None
        assert not (root / "outputs/store/train" / trial.student).exists()
        assert trial.values == {}


def test_rows_that_were_pruned_are_not_trained_again(pruned: SearchFile) -> None:
    first, second = (trial for trial in pruned.trials if trial.settings["train.learning_rate"] == 0.5)
    assert (first.same_as, second.same_as) == (None, first.number)
    assert first.steps > 0
    assert second.steps == 0
    assert second.reports == first.reports


def test_the_page_says_what_pruning_saved(root: Path, pruned: SearchFile) -> None:
    bad = [trial for trial in pruned.trials if trial.state == "pruned"]
    saved = sum(5 - trial.steps for trial in bad)
    assert f"Pruning saved {saved} of 20 training steps" in page(root, "pruned")
    assert "nor did 1 pruned ones" in page(root, "pruned")


def test_several_objectives_end_with_a_winner_that_no_other_beats(root: Path) -> None:
    space = {"miner": ["naive_topk", "topk_shifted"], "miner.shift": {"low": 1, "high": 9}}
    declared = {
        "space": space,
        "paper": {"naive": {"miner": "naive_topk"}, "shifted": {"miner": "topk_shifted", "miner.shift": 5}},
        "objectives": ["dev nDCG@10", "known false rate", "training seconds"],
        "trials": 4,
        "startup": 2,
    }
    file = write_search(root, name="several", **declared)
    assert command.main(arguments(root, file)) == 0
    read = found(root, "several")
    assert [trial.state for trial in read.trials] == ["whole"] * 4
    assert all("miner.shift" in t.settings for t in read.trials if t.settings["miner"] == "topk_shifted")
    assert all("miner.shift" not in t.settings for t in read.trials if t.settings["miner"] == "naive_topk")
    won = read.trial(read.winner or 0).values
    for other in (trial.values for trial in read.trials):
        better = (other["dev nDCG@10"] > won["dev nDCG@10"], *(other[n] < won[n] for n in declared["objectives"][1:]))
        worse = (other["dev nDCG@10"] < won["dev nDCG@10"], *(other[n] > won[n] for n in declared["objectives"][1:]))
        assert any(worse) or not any(better)
    assert "## Trade-offs\n" in page(root, "several")


def test_a_failed_trial_is_told_with_its_cause(root: Path) -> None:
    space = {"train.batch_size": [8, 4000]}
    file = write_search(
        root, name="failing", space=space, paper={"p": {"train.batch_size": 8}}, trials=2, sampler="grid"
    )
    assert command.main(arguments(root, file, "miner.threshold=8.0")) == 0
    good, bad = found(root, "failing").trials
    assert (good.state, bad.state) == ("whole", "failed")
    assert "fewer than train.batch_size=4000" in bad.cause
    assert "fewer than train.batch_size=4000" in page(root, "failing")


def test_without_the_papers_setting_there_is_no_winner(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A bar that nothing lies below leaves no rows; the setting is tried again when the command is."""
    space = {"miner.threshold": [-1000.0, 8.0]}
    paper = {"p": {"miner.threshold": -1000.0}}
    file = write_search(root, name="no_paper", space=space, paper=paper, trials=2, sampler="grid")
    for times in (1, 2):
        assert command.main(arguments(root, file)) == 2
        said = capsys.readouterr().err
        assert "the trial of the paper's setting p is not whole (0 training rows are fewer than" in said
        states = [trial.state for trial in found(root, "no_paper").trials]
        assert (states.count("failed"), states.count("whole")) == (times, 1)


@pytest.mark.timeout(600)
def test_a_killed_worker_costs_its_trial_and_no_other(root: Path) -> None:
    """A real worker, killed in the middle of a trial; another one finishes the search."""
    space = {"miner.threshold": {"low": 4.0, "high": 9.0}}
    paper = {"abs_8": {"miner.threshold": 8.0}}
    file = write_search(root, name="killed", space=space, paper=paper, trials=3, sampler="random")
    given = arguments(root, file, "train.steps=10")
    journal = root / "outputs/store/studies/killed/journal.log"
    worker = worker_of(given)
    try:
        wait_for(lambda: journal.is_file() and '"run_id"' in journal.read_text(), worker)
        worker.send_signal(signal.SIGKILL)
        worker.wait()
    finally:
        worker.kill()
    assert find_record([root / "outputs/store"], "x") is None
    assert command.main(given) == 0
    read = found(root, "killed")
    states = [trial.state for trial in read.trials]
    assert states.count("lost") == 1
    assert states.count("whole") == 3
    (again,) = [trial for trial in read.trials if trial.again is not None]
    lost = read.trial(again.again or 0)
    assert (again.settings, again.paper) == (lost.settings, lost.paper)
    assert len({repr(trial.settings) for trial in read.whole}) == 3
    assert len({trial.worker for trial in read.trials}) == 2
    assert f"trial {lost.number} (run again as trial {again.number})" in page(root, "killed")


def worker_of(given: list[str]) -> subprocess.Popen[str]:
    """A process of its own that works on a search."""
    return subprocess.Popen(
        [sys.executable, "-m", "experiments.search", *given],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"},
        stdout=subprocess.PIPE,
        text=True,
    )


def wait_for(there: Callable[[], bool], worker: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 150
    while not there():
        assert worker.poll() is None, "the worker ended by itself"
        assert time.monotonic() < deadline
        time.sleep(0.2)


DECLARED: dict[str, Any] = {
    "name": "mistaken",
    "space": {"miner.threshold": {"low": 0.5, "high": 1.0}},
    "paper": {"p": {"miner.threshold": 0.95}},
    "trials": 3,
}


@pytest.mark.parametrize(
    ("changes", "more", "said"),
    [
        ({"objectives": ["test nDCG@10"]}, [], "decided on dev queries only"),
        ({}, ["evaluation.splits=[test]"], "evaluation.splits=[test]: a search looks at dev queries only"),
        ({"space": {"evaluation.splits": ["test"]}}, [], "evaluation.splits is not varied"),
        ({"space": {"seed": [0, 1]}}, [], "seed is not varied"),
        ({"objectives": ["dev ndcg"]}, [], "should be one of dev nDCG@10"),
        ({"pruner": "hyperband", "objectives": ["dev nDCG@10", "training seconds"]}, [], "use pruner=none with others"),
        ({"sampler": "cmaes", "space": {"miner": ["random"]}}, [], "cmaes takes ranges without conditions"),
        ({"sampler": "grid"}, [], "a grid needs a step or a list of choices"),
        ({"sampler": "best"}, [], "search.sampler=best: should be 'tpe', 'random', 'cmaes' or 'grid'"),
        ({"paper": {"p": {"miner.threshold": 1.7}}}, [], "lies outside its range (0.5 to 1)"),
        ({"paper": {"p": {}}}, [], "search.paper.p: miner.threshold is left open"),
        ({"space": {"miner.treshold": [0.9]}, "paper": {"p": {}}}, [], "did you mean 'threshold'?"),
        ({"space": {"miner.threshold": {"low": 1.0, "high": 0.5}}}, [], "low 1.0 should be below high 0.5"),
        ({"space": {"miner.threshold": {"low": 0.0, "high": 0.5, "log": True}}}, [], "begins above 0"),
        ({"space": {"miner.threshold": {"when": {"miner": "x"}, "low": 0.1, "high": 1}}}, [], "is not declared before"),
        ({"seeds": [0, 1]}, [], "0 is the seed of the trials"),
        ({"trails": 4}, [], "no such key, did you mean 'trials'?"),
        ({}, ["miner.threshold=0.9"], "miner.threshold is what search mistaken varies"),
        ({}, ["search.space={}"], "this would be merged"),
        ({}, ["search.trials=0"], "search.trials=0: should be greater than or equal to 1"),
        ({}, ["train=none"], "its trials train nothing"),
        ({}, ["search.storage=mysql://x"], "should be journal:FILE, sqlite:///FILE or postgresql://USER@HOST/NAME"),
        ({}, ["-m"], "a search is many runs by itself"),
        ({}, ["study=demo"], "a study is another command"),
    ],
)
def test_a_mistake_is_one_line(
    root: Path, capsys: pytest.CaptureFixture[str], changes: dict[str, Any], more: list[str], said: str
) -> None:
    file = write_search(root, **{**DECLARED, **changes})
    assert command.main(arguments(root, file, *more)) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert not (root / "outputs/store/studies/mistaken/journal.log").exists()


def test_no_search_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["search.trials=3"]) == 2
    assert "name a search of conf/search/ (it has: miner_and_training, percpos_threshold" in capsys.readouterr().err


def test_another_command_says_which_one(capsys: pytest.CaptureFixture[str]) -> None:
    from experiments import run

    assert run.main(["search=percpos_threshold"]) == 2
    assert "python -m experiments.search search=percpos_threshold" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["percpos_threshold", "miner_and_training"])
def test_the_searches_that_come_with_it_compose(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main([f"search={name}", "dry_run=true"]) == 0
    assert "paper" in capsys.readouterr().out

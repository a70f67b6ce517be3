"""Suggestions that are never repeated, and trials whose workers are gone."""

from __future__ import annotations

import functools
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from optuna.study import Study
from optuna.trial import TrialState

from experiments.errors import UserError
from experiments.searching import engine, stamps
from experiments.searching.declaration import Search
from experiments.searching.engine import hidden, make_pruner, make_sampler, open_storage, open_study, suggest
from experiments.searching.space import Space
from experiments.searching.stamps import AGAIN, BEAT_AT, CAUSE, WORKER, Process, find_lost, run_again

SPACE = {"x": {"low": 0.0, "high": 1.0}, "kind": ["a", "b"], "y": {"low": 1, "high": 9, "when": {"kind": "a"}}}


def declared(**changes: object) -> Search:
    values = {"name": "s", "space": SPACE, "paper": {"p": {"x": 0.5, "kind": "b"}}, "trials": 20, **changes}
    return Search.model_validate(values)


def opened(search: Search, path: Path, storage: str | None = None) -> Study:
    on_lost = functools.partial(run_again, retries=search.retries)
    return open_study(search, open_storage(storage, default=path / "journal.log", on_lost=on_lost), steps=27)


def told(study: Study, space: Space, count: int) -> list[dict[str, object]]:
    """The settings of so many trials, each told something that depends on them."""
    found = []
    for _ in range(count):
        with engine.no_warnings():
            trial = study.ask()
        settings = suggest(trial, space)
        study.tell(trial, float(settings["x"]))  # type: ignore[arg-type]
        found.append(dict(settings))
    return found


@pytest.mark.parametrize("sampler", ["tpe", "random"])
def test_a_search_that_is_resumed_suggests_what_an_unbroken_one_does(tmp_path: Path, sampler: str) -> None:
    search = declared(sampler=sampler, startup=4)
    space = Space.of(search, lambda settings, key: True)
    whole = told(opened(search, tmp_path / "whole"), space, 12)
    pieces = [told(opened(search, tmp_path / "pieces"), space, count) for count in (1, 5, 6)]
    assert [one for piece in pieces for one in piece] == whole
    assert len({one["x"] for one in whole}) == 12


def test_two_workers_that_begin_together_suggest_different_things(tmp_path: Path) -> None:
    search = declared(sampler="random")
    space = Space.of(search, lambda settings, key: True)
    with engine.no_warnings():
        trials = [opened(search, tmp_path).ask() for _ in range(6)]
    assert len({suggest(trial, space)["x"] for trial in trials}) == 6


def test_another_seed_is_another_search(tmp_path: Path) -> None:
    space = Space.of(declared(), lambda settings, key: True)
    one, other = (told(opened(declared(seed=seed), tmp_path / str(seed)), space, 2) for seed in (0, 1))
    assert one != other


def test_sampler_and_pruner_are_what_was_declared() -> None:
    names = {name: type(make_sampler(declared(sampler=name), seed=1)).__name__ for name in ("tpe", "random", "grid")}
    assert names == {"tpe": "TPESampler", "random": "RandomSampler", "grid": "RandomSampler"}
    pruners = ("none", "median", "halving", "hyperband")
    made = [type(make_pruner(declared(pruner=name), steps=27)).__name__ for name in pruners]
    assert made == ["NopPruner", "MedianPruner", "SuccessiveHalvingPruner", "HyperbandPruner"]


def test_cmaes_says_what_to_install_or_is_made() -> None:
    search = declared(sampler="cmaes", space={"x": {"low": 0.0, "high": 1.0}}, paper={"p": {"x": 0.5}})
    try:
        import cmaes  # noqa: F401
    except ImportError:
        with pytest.raises(UserError, match=r"install the extra \[search\]"):
            make_sampler(search, seed=0)
    else:
        assert type(make_sampler(search, seed=0)).__name__ == "CmaEsSampler"


ASK_AND_STAY = """
    import sys, time
    from pathlib import Path
    from tests.searching.test_engine import declared, opened
    from experiments.searching.engine import no_warnings, suggest
    from experiments.searching.space import Space
    from experiments.searching.stamps import alive

    search = declared(sampler="random")
    study = opened(search, Path(sys.argv[1]), sys.argv[2] or None)
    with no_warnings():
        trial = study.ask()
    suggest(trial, Space.of(search, lambda settings, key: True))
    with alive(study, trial):
        print("asked", flush=True)
        time.sleep(600)
"""


@pytest.mark.parametrize("kind", ["journal", "sqlite"])
def test_the_trial_of_a_killed_worker_is_found_and_run_again(tmp_path: Path, kind: str) -> None:
    storage = "" if kind == "journal" else f"sqlite:///{tmp_path}/trials.db"
    code = textwrap.dedent(ASK_AND_STAY)
    worker = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path), storage],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    try:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "asked\n"
        search = declared(sampler="random")
        study = opened(search, tmp_path, storage or None)
        assert find_lost(study, retries=2) == []  # it lives
        (before,) = study.get_trials()
        worker.send_signal(signal.SIGKILL)
        deadline = time.monotonic() + 20
        while worker.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        assert find_lost(study, retries=2) == [0]
    finally:
        worker.kill()
    assert find_lost(study, retries=2) == []
    lost, again = study.get_trials()
    assert (lost.state, again.state) == (TrialState.FAIL, TrialState.WAITING)
    assert again.user_attrs[AGAIN] == 0
    with engine.no_warnings():
        trial = study.ask()
    suggest(trial, Space.of(search, lambda settings, key: True))
    assert trial.params == before.params


def ask(study: Study) -> None:
    with engine.no_warnings():
        study.ask()


def test_a_number_that_another_process_has_now_is_no_sign_of_life(tmp_path: Path) -> None:
    study = opened(declared(), tmp_path)
    with engine.no_warnings():
        trial = study.ask()
    mine = Process.here()
    trial.set_user_attr(WORKER, {**mine.stamp, "began": mine.began - 100})
    assert find_lost(study, retries=2) == [0]


def test_a_worker_of_another_machine_is_gone_when_it_is_not_heard_of(tmp_path: Path) -> None:
    study = opened(declared(), tmp_path)
    with engine.no_warnings():
        trials = [study.ask(), study.ask()]
    for trial, silent in zip(trials, (stamps.GRACE - 50, stamps.GRACE + 50), strict=True):
        trial.set_user_attr(WORKER, {"host": "elsewhere", "pid": 1, "began": 0.0})
        trial.set_user_attr(BEAT_AT, time.time() - silent)
    assert find_lost(study, retries=2) == [1]


def test_a_trial_that_takes_its_workers_with_it_is_given_up(tmp_path: Path) -> None:
    study = opened(declared(), tmp_path)
    for _ in range(3):
        with engine.no_warnings():
            trial = study.ask()
        trial.set_user_attr(WORKER, {**Process.here().stamp, "began": 0.0})
        find_lost(study, retries=2)
    assert [trial.state for trial in study.get_trials()] == [TrialState.FAIL] * 3
    assert all(CAUSE not in trial.user_attrs for trial in study.get_trials())


def test_half_a_line_of_a_journal_is_cut_and_the_rest_is_read(tmp_path: Path) -> None:
    study = opened(declared(), tmp_path)
    ask(study)
    with (tmp_path / "journal.log").open("ab") as file:
        file.write(b'{"op_code": 4, "worker')
    again = opened(declared(), tmp_path)
    ask(again)
    assert len(again.get_trials()) == 2


@pytest.mark.parametrize(
    ("storage", "said"),
    [
        ("mysql://x", "should be journal:FILE, sqlite"),
        ("postgresql://me:secret@nowhere/db", "."),
        ("sqlite:////nowhere/at/all.db", "cannot be opened"),
    ],
)
def test_a_storage_that_cannot_be_had_is_one_line_without_a_password(tmp_path: Path, storage: str, said: str) -> None:
    with pytest.raises(UserError, match=said) as caught:
        open_storage(storage, default=tmp_path / "j", on_lost=lambda study, trial: None)
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_is_shown_of_a_storage_holds_no_password() -> None:
    assert hidden("postgresql://me:se@cret@host/db") == "postgresql://host/db"
    assert hidden("sqlite:///a.db") == "sqlite:///a.db"

"""What Optuna's storage holds of a search, as the lines of search.json."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import optuna
from optuna.storages import JournalStorage, RDBStorage
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from experiments.searching.declaration import Search, is_better_higher
from experiments.searching.engine import importance, settings_of
from experiments.searching.listener import SAME_AS, STEPS, STUDENT, WATCHING
from experiments.searching.settings import Setting
from experiments.searching.stamps import AGAIN, CAUSE, is_lost, worker_of
from experiments.searching.trials import SearchFile, State, TrialLine, front
from experiments.searching.worker import PAPER, RUN, SECONDS, TRAINED, VALUES, WITHDRAWN

STATES: dict[TrialState, State] = {
    TrialState.COMPLETE: "whole",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
    TrialState.RUNNING: "running",
    TrialState.WAITING: "waiting",
}
TIE = 1e-12


def search_file(setting: Setting, study: Study) -> SearchFile:
    """Everything that is known of a search now."""
    trials = [trial for trial in study.get_trials(deepcopy=False) if trial.user_attrs.get(CAUSE) != WITHDRAWN]
    workers = _workers(trials)
    lines = tuple(_line(trial, setting, workers) for trial in trials)
    won = winner(lines, setting.search)
    settings = {} if won is None else won.settings
    return SearchFile(
        search=setting.search,
        trials=lines,
        winner=None if won is None else won.number,
        importance=importance(study, higher=is_better_higher(setting.search.objectives[0])),
        override=() if won is None else tuple(setting.overrides(settings)),
        line=() if won is None else tuple(setting.plain_run(settings)),
        storage=_kind(study),
        optuna=optuna.__version__,
    )


def winner(lines: Sequence[TrialLine], search: Search) -> TrialLine | None:
    """Of the whole trials that no other beats, the best by the first objective.

    Ties go to a setting of the paper's, then to the earlier trial.
    """
    whole = [line for line in lines if line.state == "whole"]
    if not whole:
        return None
    higher = {name: is_better_higher(name) for name in search.objectives}
    unbeaten = [whole[i] for i in front([line.values for line in whole], search.objectives, higher)]
    first = search.objectives[0]
    sign = 1 if higher[first] else -1
    best = max(sign * line.values[first] for line in unbeaten)
    tied = [line for line in unbeaten if sign * line.values[first] >= best - TIE]
    return next((line for line in tied if line.paper is not None), tied[0])


def _line(trial: FrozenTrial, setting: Setting, workers: dict[str, int]) -> TrialLine:
    known: dict[str, Any] = trial.user_attrs
    worker = worker_of(known)
    return TrialLine(
        number=trial.number,
        state="lost" if is_lost(trial) else STATES[trial.state],
        settings=settings_of(trial, setting.space),
        parameters=dict(trial.params),
        run_id=known.get(RUN, ""),
        values=known.get(VALUES, {}),
        reports={step: round(value, 6) for step, value in sorted(trial.intermediate_values.items())},
        steps=known.get(STEPS, 0),
        planned=_planned(trial, setting),
        seconds=known.get(SECONDS, 0.0),
        watching=known.get(WATCHING, 0.0),
        trained=known.get(TRAINED, False),
        student=known.get(STUDENT, ""),
        same_as=known.get(SAME_AS),
        cause=known.get(CAUSE, ""),
        worker=None if worker is None else workers[str(worker)],
        again=known.get(AGAIN),
        paper=known.get(PAPER),
    )


def _planned(trial: FrozenTrial, setting: Setting) -> int:
    steps = settings_of(trial, setting.space).get("train.steps", setting.steps)
    assert isinstance(steps, int)
    return steps


def _workers(trials: Sequence[FrozenTrial]) -> dict[str, int]:
    """Worker -> its number, counted in the order of their first trials; machines and processes are not published."""
    found = dict.fromkeys(str(worker) for trial in trials if (worker := worker_of(trial.user_attrs)) is not None)
    return {worker: number for number, worker in enumerate(found, start=1)}


def _kind(study: Study) -> str:
    storage = study._storage
    if isinstance(storage, JournalStorage):
        return "journal file"
    database = getattr(storage, "_backend", storage)
    assert isinstance(database, RDBStorage)
    return str(database.url).partition(":")[0].partition("+")[0]

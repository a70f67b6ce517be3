"""Which worker runs a trial, and whether it is still there: stamps on trials, signs of life, trials that are lost.

A journal file has no heartbeats, so workers stamp their trials: a process of this machine is looked up, one of another
machine is taken to be gone when it has not been heard of for `GRACE` seconds. Databases have Optuna's heartbeats.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import optuna
import psutil
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, Trial, TrialState

from experiments.searching import engine
from experiments.searching.engine import GRACE

if TYPE_CHECKING:
    from optuna.study import Study

WORKER, BEAT_AT, CAUSE, AGAIN, TRIES = "worker", "beat", "cause", "again", "tries"
"""User attributes of a trial: its worker's stamp, its last sign of life, why it failed, and of which lost one it is a
repeat, and the number of times that it was lost."""


@dataclass(frozen=True)
class Process:
    """A process: its machine, its number there, and when it began, since numbers are given out again."""

    host: str
    pid: int
    began: float

    @classmethod
    def here(cls) -> Process:
        """The process that asks."""
        return cls(socket.gethostname(), os.getpid(), round(psutil.Process().create_time(), 2))

    @property
    def is_here(self) -> bool:
        """Whether it is a process of this machine."""
        return self.host == socket.gethostname()

    @property
    def runs(self) -> bool:
        """Whether a process of this machine is still there."""
        try:
            process = psutil.Process(self.pid)
            alive: bool = process.status() != psutil.STATUS_ZOMBIE
            return alive and abs(float(process.create_time()) - self.began) < 1
        except psutil.NoSuchProcess:
            return False

    @property
    def stamp(self) -> dict[str, Any]:
        """As it is kept with a trial."""
        return {"host": self.host, "pid": self.pid, "began": self.began}


def worker_of(attributes: Mapping[str, Any]) -> Process | None:
    """Whose stamp a trial has; None for one that its worker has not stamped yet."""
    stamp = attributes.get(WORKER)
    return None if stamp is None else Process(**stamp)


def is_lost(trial: FrozenTrial) -> bool:
    """Whether a finished trial failed because its worker went away: nobody told why."""
    return trial.state == TrialState.FAIL and CAUSE not in trial.user_attrs


@contextmanager
def alive(study: Study, trial: Trial) -> Iterator[None]:
    """Stamp a trial, and give signs of life while the block runs."""
    trial.set_user_attr(WORKER, Process.here().stamp)
    over = threading.Event()
    thread = threading.Thread(target=_beat, args=(study, trial, over), daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _beat(study: Study, trial: Trial, over: threading.Event) -> None:
    storage = study._storage
    while True:
        if isinstance(getattr(storage, "_backend", storage), RDBStorage):
            storage.record_heartbeat(trial._trial_id)  # type: ignore[attr-defined]
        else:
            trial.set_user_attr(BEAT_AT, round(time.time()))
        if over.wait(engine.BEAT):
            return


def find_lost(study: Study, *, retries: int) -> list[int]:
    """Tell trials FAIL whose workers are gone and enqueue them again; return their numbers.

    Two workers that find the same one enqueue it once: only one of them can tell it.
    """
    optuna.storages.fail_stale_trials(study)
    found = []
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        if _is_gone(trial) and _told_failed(study, trial):
            run_again(study, trial, retries=retries)
            found.append(trial.number)
    return found


def run_again(study: Study, trial: FrozenTrial, *, retries: int) -> None:
    """Enqueue a lost trial anew, unless it was lost more often than `retries`."""
    tries = int(trial.user_attrs.get(TRIES, 0)) + 1
    if tries <= retries:
        kept = {name: value for name, value in trial.user_attrs.items() if name == "paper"}
        study.enqueue_trial(trial.params, user_attrs={**kept, AGAIN: trial.number, TRIES: tries})


def _is_gone(trial: FrozenTrial) -> bool:
    worker, begun = worker_of(trial.user_attrs), trial.datetime_start
    if worker is not None and worker.is_here:
        return not worker.runs
    seen = float(trial.user_attrs.get(BEAT_AT, begun.timestamp() if begun is not None else 0.0))
    return time.time() - seen > GRACE


def _told_failed(study: Study, trial: FrozenTrial) -> bool:
    """Whether this worker was the one who could tell."""
    try:
        study.tell(trial.number, state=TrialState.FAIL)
    except (ValueError, optuna.exceptions.UpdateFinishedTrialError):
        return False
    return True

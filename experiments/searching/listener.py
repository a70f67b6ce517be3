"""A trial's ear on its run: dev scores are reported to Optuna, and where it says so the run is stopped."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from optuna.trial import FrozenTrial, Trial, TrialState

from experiments.tracking import DEV, RunStopped
from experiments.tracking.none import NullTracker
from experiments.training.watch import SECONDS

if TYPE_CHECKING:
    from optuna.study import Study

STUDENT, STEPS, WATCHING, SAME_AS = "student", "steps", "watching", "same_as"
"""User attributes of a trial: the student that it trains, how far it came, the seconds spent watching, and the trial
that trained the same rows before."""


class Listener(NullTracker):
    """Reports dev nDCG@10 to a trial, and raises RunStopped where the pruner ends it.

    reports: whether there is a pruner; stops: whether it may end this trial, which it may not where a setting of the
    paper is tried, since winners are compared with that.

    A student that an earlier trial has begun and that was pruned is not trained a second time: its rows are the same,
    so its curve would be. The trial is then told what that one was.
    """

    def __init__(self, study: Study, trial: Trial, *, reports: bool, stops: bool) -> None:
        self._study = study
        self._trial = trial
        self._reports = reports
        self._stops = stops
        self._started = 0.0
        self.key = ""
        self.steps = 0
        self.watching = 0.0

    def student(self, key: str) -> None:
        """Take note of it. Raises RunStopped for the rows of a trial that was pruned."""
        self.key = key
        self._trial.set_user_attr(STUDENT, key)
        self._started = time.perf_counter()
        earlier = self._pruned(key) if self._stops else None
        if earlier is not None:
            for step, value in sorted(earlier.intermediate_values.items()):
                self._trial.report(value, step)
            self._trial.set_user_attr(SAME_AS, earlier.number)
            raise RunStopped

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Report what there is to report. Raises RunStopped where the trial is to end."""
        self.steps = step
        if DEV not in values:
            return
        self.watching += values[SECONDS]
        if self._reports:
            self._trial.report(values[DEV], step)
            if self._stops and self._trial.should_prune():
                raise RunStopped

    def _pruned(self, key: str) -> FrozenTrial | None:
        return with_student(self._study.get_trials(deepcopy=False, states=(TrialState.PRUNED,)), key)


def with_student(trials: Sequence[FrozenTrial], key: str) -> FrozenTrial | None:
    """The first trial that trained the student of this key, or None."""
    return next((one for one in trials if one.user_attrs.get(STUDENT) == key and SAME_AS not in one.user_attrs), None)

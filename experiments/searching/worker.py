"""One worker of a search: ask, compose, run, tell, until there are as many trials as the search may have.

Any number of workers share a storage; each is started by the same command.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from filelock import FileLock
from optuna.trial import FrozenTrial, Trial, TrialState

from experiments import pipeline
from experiments.command.build import Composed
from experiments.command.job import RunResult, quiet_libraries, result_line
from experiments.errors import UserError, one_line
from experiments.records.folder import find_record
from experiments.records.schema import RunRecord
from experiments.searching.engine import is_enqueued, no_warnings, suggest
from experiments.searching.listener import STEPS, STUDENT, WATCHING, Listener, with_student
from experiments.searching.objectives import measured, objectives
from experiments.searching.settings import Setting
from experiments.searching.stamps import CAUSE, alive, find_lost, is_lost
from experiments.tracking import RunStopped

if TYPE_CHECKING:
    from optuna.study import Study

FINGERPRINT, PAPER, WITHDRAWN = "fingerprint", "paper", "withdrawn: there were trials enough"
RUN, VALUES, TRAINED, SECONDS, CONTENT = "run_id", "values", "trained", "seconds", "dev_content"
"""User attributes of a trial: its run, every value that it has, whether it trained a student, how long it took; and of
the study the dev queries that all of its trials are judged on."""

log = logging.getLogger("experiments")


@dataclass(frozen=True)
class Worker:
    """A search as this process works on it."""

    setting: Setting
    study: Study

    def prepare(self) -> None:
        """Enqueue the paper's settings, and of a grid every point; once, whoever comes first.

        A setting of the paper that has failed is tried again, since winners are compared with it.

        Raises UserError for a storage that holds another search of this name.
        """
        with FileLock(self.setting.folder / "search.lock"):
            known = self.study.user_attrs.get(FINGERPRINT)
            if known not in (None, self.setting.fingerprint):
                name = self.setting.search.name
                raise UserError(
                    f"search {name} was begun with another space, other objectives or other settings: its trials "
                    f"cannot be compared with new ones: give this one a name of its own (search.name={name}_2)"
                )
            self._enqueue_paper()
            if known is None:
                self._enqueue_grid()
                self.study.set_user_attr(FINGERPRINT, self.setting.fingerprint)

    def work(self) -> int:
        """Run trials until there are enough; return how many this worker ran."""
        ran = 0
        quiet_libraries()
        while True:
            for number in find_lost(self.study, retries=self.setting.search.retries):
                say(f"trial {number}: its worker is gone, so it is run again")
            trial = self._ask()
            if trial is None:
                return ran
            self._run(trial)
            ran += 1

    @property
    def running(self) -> list[FrozenTrial]:
        """The trials that are being run, by whichever worker."""
        return self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))

    def counted(self) -> list[FrozenTrial]:
        """The trials that count towards the search's number: begun, and neither lost nor to be tried again."""
        return [
            trial
            for trial in self.study.get_trials(deepcopy=False)
            if trial.state != TrialState.WAITING and not _is_nothing(trial)
        ]

    def _enqueue_paper(self) -> None:
        trials = self.study.get_trials(deepcopy=False)
        there = {trial.user_attrs.get(PAPER) for trial in trials if trial.state != TrialState.FAIL}
        for name, values in self.setting.paper.items():
            if name not in there:
                self.study.enqueue_trial(values, user_attrs={PAPER: name})

    def _enqueue_grid(self) -> None:
        if self.setting.search.sampler != "grid":
            return
        tried = list(self.setting.paper.values())
        for values in self.setting.space.grid():
            if values not in tried:
                self.study.enqueue_trial(values)

    def _ask(self) -> Trial | None:
        """The next trial, or None where there are enough. Where two workers ask at once, the later one is withdrawn."""
        most = self.setting.search.trials
        if len(self.counted()) >= most or not self._goes_on():
            return None
        with no_warnings():
            trial = self.study.ask()
        known = self.study.get_trials(deepcopy=False)[trial.number]
        before = [one for one in self.counted() if one.number < trial.number]
        if len(before) >= most or (self.setting.search.sampler == "grid" and not is_enqueued(known)):
            self._fail(trial, WITHDRAWN)
            return None
        return trial

    def _goes_on(self) -> bool:
        """Whether there is anything left: a grid ends with its last point."""
        waiting = self.study.get_trials(deepcopy=False, states=(TrialState.WAITING,))
        return self.setting.search.sampler != "grid" or bool(waiting)

    def _run(self, trial: Trial) -> None:
        started = time.perf_counter()
        with alive(self.study, trial):
            settings = suggest(trial, self.setting.space)
            try:
                composed = self.setting.trial(settings, number=trial.number)
            except UserError as error:
                self._fail(trial, str(error))
                return
            trial.set_user_attr(RUN, composed.run_id)
            said = " ".join(self.setting.overrides(settings))
            say(f"[trial {trial.number}, {len(self.counted())}/{self.setting.search.trials}] {said}")
            self._attempt(trial, composed, started)

    def _attempt(self, trial: Trial, composed: Composed, started: float) -> None:
        search = self.setting.search
        prunes = search.pruner != "none"
        execution = composed.execution.model_copy(update={"dev_every": search.every if prunes else None})
        listener = Listener(self.study, trial, reports=prunes, stops=prunes and PAPER not in trial.user_attrs)
        done = find_record(execution.record_roots, composed.run_id)
        try:
            record = pipeline.run(composed.config, execution, listeners=[listener])
            self._tell(trial, composed, record, listener, known=done is not None, started=started)
        except RunStopped:
            self._keep(trial, listener, started)
            self.study.tell(trial, state=TrialState.PRUNED)
            say(f"      pruned after {listener.steps} steps  ({time.perf_counter() - started:.0f} s)")
        except UserError as error:
            self._keep(trial, listener, started)
            self._fail(trial, " ".join(str(error).split()))
        # The boundary between a trial and the search: whatever it raises, the other trials go on and the cause is kept.
        except Exception as error:
            logging.getLogger("traceback").exception("the trial failed")
            self._keep(trial, listener, started)
            self._fail(trial, one_line(error))

    def _tell(
        self, trial: Trial, composed: Composed, record: RunRecord, listener: Listener, *, known: bool, started: float
    ) -> None:
        """Tell what a whole run gave. Raises UserError for one that was judged on other queries than the first."""
        self._check_content(record)
        key = record.artifacts.get("train", "")
        first = None if listener.key else with_student(self.study.get_trials(deepcopy=False), key)
        watched = listener.watching if first is None else float(first.user_attrs.get(WATCHING, 0.0))
        values = measured(record, composed.config, watched=watched)
        told = objectives(self.setting.search.objectives, values)
        self._keep(trial, listener, started)
        if not listener.key:
            trial.set_user_attr(STUDENT, key)
        trial.set_user_attr(VALUES, values)
        self.study.tell(trial, told)
        result = RunResult(composed.run_id, record)
        without = "" if listener.key else "  no training: " + ("the run is done" if known else "its student is there")
        say(result_line(result, time.perf_counter() - started) + without)

    def _keep(self, trial: Trial, listener: Listener, started: float) -> None:
        """What is known of a trial however it ends."""
        facts: dict[str, Any] = {
            STEPS: listener.steps,
            WATCHING: round(listener.watching, 3),
            TRAINED: listener.steps > 0,
            SECONDS: round(time.perf_counter() - started, 3),
        }
        for name, value in facts.items():
            trial.set_user_attr(name, value)

    def _check_content(self, record: RunRecord) -> None:
        """The dev queries and documents of the first whole trial are those of all."""
        content = {task: scores.content_hash for task, scores in sorted(record.tasks.items())}
        known = self.study.user_attrs.get(CONTENT)
        if known is None:
            self.study.set_user_attr(CONTENT, content)
        elif known != content:
            raise UserError(
                "it was judged on other dev queries or documents than the trials before: fix what it varies"
            )

    def _fail(self, trial: Trial, cause: str) -> None:
        trial.set_user_attr(CAUSE, cause)
        self.study.tell(trial, state=TrialState.FAIL)
        if cause != WITHDRAWN:
            say(f"      failed: {cause}")


def _is_nothing(trial: FrozenTrial) -> bool:
    """Whether a trial is as if it had not been: lost, withdrawn, or a failed one of a setting of the paper."""
    failed = trial.state == TrialState.FAIL
    return is_lost(trial) or trial.user_attrs.get(CAUSE) == WITHDRAWN or (failed and PAPER in trial.user_attrs)


def say(text: str) -> None:
    """Print at once, also into a pipe."""
    print(text, flush=True)

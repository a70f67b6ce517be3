"""Runs to launch: what is done already, what the launcher is given, and what has no record afterwards.

What is done is read from the store, never from a launcher's return values: a killed job takes those with it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from filelock import Timeout

from experiments.command.build import Composed
from experiments.command.overrides import for_hydra, write_value
from experiments.config import CarvedData, DataConfig, runs_in
from experiments.execution import Execution
from experiments.identity import digest
from experiments.records.folder import failure_path, find_failure, find_record
from experiments.records.held import hold_run, is_held
from experiments.studies.cells import Cell
from experiments.studies.staging import Staged, staged

if TYPE_CHECKING:
    from experiments.ir import Collection

Launch = Callable[[Sequence[Sequence[str]], int], None]
"""launch(override lists, number of the first job): returns when every job ended; may raise RuntimeError."""


@dataclass(frozen=True)
class Job:
    """One run to launch: its full override list, and where it stands in a study (None in a plain sweep).

    swept: of a plain sweep, the overrides in which its runs differ.
    """

    title: str
    overrides: tuple[str, ...]
    composed: Composed
    cell: Cell | None = None
    swept: tuple[str, ...] = ()


@dataclass(frozen=True)
class Failed:
    """A run that has no record after the sweep."""

    title: str
    run_id: str
    cause: str
    log: str


def run_jobs(jobs: Sequence[Job], launch: Launch, *, at_once: bool = False, one_by_one: bool = False) -> list[Failed]:
    """Launch every run that is not done, once; those that have no record afterwards, with their causes.

    A run that takes another's student starts when that one has ended. When the launcher itself dies (joblib's does with
    a killed worker), the runs that had not started yet are launched again. at_once: whether the launcher runs several
    at a time: what they share is then made first, by jobs of its own. one_by_one: it is given one run after another, so
    that a second command on the same store takes the runs that the first is not at.
    """
    unique = list({job.composed.run_id: job for job in jobs}.values())
    _check_unchanged_folders([job.composed for job in unique if is_done(job.composed)])
    todo = [job for job in unique if not is_done(job.composed)]
    for job in todo:
        if not is_held(job.composed.execution.store, job.composed.run_id):
            failure_path(job.composed.execution.store, job.composed.run_id).unlink(missing_ok=True)
    first = 0
    for wave in _waves(todo):
        if one_by_one:
            _launch_each(wave, launch, first=first, total=len(todo))
        else:
            stage = staged([(job.composed, job.overrides) for job in wave]) if at_once else Staged()
            _launch_all(wave, launch, stage, first=first, total=len(todo))
        first += len(wave)
    return [_failed(job) for job in todo if not is_done(job.composed)]


def _launch_each(jobs: Sequence[Job], launch: Launch, *, first: int, total: int) -> None:
    """Launch one run after another, those that another process is at after the others; `first` were launched before."""
    left = list(jobs)
    while left:
        with _first_free(left) as job:
            place = first + len(jobs) - len(left)
            left.remove(job)
            if not is_done(job.composed):
                launch([_launched(job, f"{place + 1}/{total}", Staged())], place)


@contextmanager
def _first_free(jobs: Sequence[Job]) -> Iterator[Job]:
    """Hold the first run that no other process is at; the first of all, not held, where there is none."""
    for job in jobs:
        with ExitStack() as held:
            try:
                held.enter_context(hold_run(job.composed.execution.store, job.composed.run_id))
            except Timeout:
                continue
            yield job
            return
    yield jobs[0]


def _launch_all(jobs: Sequence[Job], launch: Launch, stage: Staged, *, first: int, total: int) -> None:
    """Launch runs that do not wait for each other; `first` of `total` were launched before."""
    waiting, end = list(jobs), first + len(jobs)
    while waiting:
        begin = end - len(waiting)
        runs = [_launched(job, f"{begin + i + 1}/{total}", stage) for i, job in enumerate(waiting)]
        try:
            launch([*stage.preparing, *runs], begin)
            return
        except RuntimeError as error:
            why = " ".join(str(error).split()).partition(". ")[0]
            print(f"warning: the launcher stopped ({why}); going on with the runs that had not started", flush=True)
        left = [job for job in waiting if not _was_started(job.composed)]
        if len(left) == len(waiting):
            return
        waiting = left


def _waves(jobs: Sequence[Job]) -> list[list[Job]]:
    """The runs in order, each in a wave after those whose students it takes."""
    waves: list[list[Job]] = []
    left = list(jobs)
    while left:
        pending = {job.composed.run_id for job in left}
        ready = [job for job in left if pending.isdisjoint(runs_in(job.composed.config))]
        waves.append(ready)
        left = [job for job in left if job not in ready]
    return waves


def _check_unchanged_folders(done: Sequence[Composed]) -> None:
    """A finished run counts only for the folder that it was made from, since a folder is named and not hashed."""
    from experiments.collections.unchanged import check_unchanged, known_if_there, load_if_there

    loaded: dict[str, Collection | None] = {}

    def load(data: DataConfig, execution: Execution) -> Collection | None:
        if not isinstance(data, CarvedData):
            return None
        key = digest(data)
        if key not in loaded:
            loaded[key] = load_if_there(data, execution=execution)
        return loaded[key]

    for run in done:
        record = find_record(run.execution.record_roots, run.run_id)
        if record is not None:
            there = functools.partial(load, execution=run.execution)
            known = functools.partial(known_if_there, execution=run.execution)
            cache = run.execution.store / "collections"
            check_unchanged(record, run.config.data, there, known=known, cache=cache)


def _was_started(run: Composed) -> bool:
    return is_done(run) or failure_path(run.execution.store, run.run_id).is_file()


def _launched(job: Job, position: str, stage: Staged) -> list[str]:
    run_id = job.composed.run_id
    needs = stage.after.get(run_id)
    after = [f"after=[{','.join(map(write_value, needs))}]"] if needs else []
    return [*map(for_hydra, job.overrides), f"run_name='{run_id}'", f"position={write_value(position)}", *after]


def is_done(run: Composed) -> bool:
    """Whether the store or the published results hold a record of the run that is not outdated."""
    return find_record(run.execution.record_roots, run.run_id) is not None


def _failed(job: Job) -> Failed:
    failure = find_failure(job.composed.execution.store, job.composed.run_id)
    cause, log = (failure.cause, failure.log) if failure else ("did not start", "")
    return Failed(job.title, job.composed.run_id, cause, log)

"""What a sweep does: lay out every run, validate and show the plan, launch what is not done, report what failed.

Hydra's part (the launcher) comes in as a callable, so that the basic, joblib and submitit launchers serve alike. What
is done is read from the store, never from a launcher's return values: a killed job takes those with it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from experiments.compose import Composed, Composer
from experiments.config import BeirData, DataConfig
from experiments.errors import UserError
from experiments.execution import Execution
from experiments.identity import digest
from experiments.ir import Collection
from experiments.overrides import write_value
from experiments.plan import Study, plan_path, write_plan
from experiments.record_store import failure_path, find_failure, find_record, record_paths
from experiments.sweep_grid import grid_jobs
from experiments.sweep_study import Job, StudyPlanner

Launch = Callable[[Sequence[Sequence[str]], int], None]
"""launch(override lists, number of the first job): returns when every job ended; may raise RuntimeError."""


class SweepFailed(Exception):
    """Some runs failed; they have been listed."""


@dataclass(frozen=True)
class Failed:
    """A run that has no record after the sweep."""

    title: str
    run_id: str
    cause: str
    log: str


def run_sweep(arguments: Sequence[str], *, composer: Composer, launch: Launch) -> None:
    """Lay out, show and run what `arguments` ask for. Raises UserError before any run, SweepFailed after the last."""
    if any(text.startswith("study=") for text in arguments):
        failed = _run_study(arguments, composer, launch)
    else:
        failed = _run_grid(arguments, composer, launch)
    if failed:
        _report(failed)
        raise SweepFailed


def _say_where(jobs: Sequence[Job]) -> None:
    for root in dict.fromkeys(job.composed.execution.store for job in jobs):
        say(f"records: {root / 'records'}")


def _run_grid(arguments: Sequence[str], composer: Composer, launch: Launch) -> list[Failed]:
    jobs = grid_jobs(arguments, composer)
    say(f"sweep: {summary(jobs)}")
    if dry_run(arguments, composer):
        show(jobs)
        return []
    failed = run_jobs(jobs, launch)
    _say_where(jobs)
    return failed


def _run_study(arguments: Sequence[str], composer: Composer, launch: Launch) -> list[Failed]:
    planner = StudyPlanner.make(arguments, composer)
    first, second = planner.phase_one(), planner.phase_two()
    _show_study(planner, first, second)
    if dry_run(arguments, composer):
        _show_runs(planner, first, second)
        return []
    failed: list[Failed] = []
    if first:
        _write_plan(planner, first, second)
        failed += run_jobs(first, launch)
        second = planner.phase_two()
        _say_chosen(planner)
    _write_plan(planner, first, second)
    failed += run_jobs(second, launch)
    _say_where((*first, *second))
    return failed + [Failed(cell.title, "", cause, "") for cell, cause in planner.blocked()]


def run_jobs(jobs: Sequence[Job], launch: Launch) -> list[Failed]:
    """Launch every run that is not done, once; those that have no record afterwards, with their causes.

    When the launcher itself dies (a killed worker), the runs that had not started yet are launched again.
    """
    unique = list({job.composed.run_id: job for job in jobs}.values())
    _check_unchanged_folders([job.composed for job in unique if is_done(job.composed)])
    todo = [job for job in unique if not is_done(job.composed)]
    for job in todo:
        failure_path(job.composed.execution.store, job.composed.run_id).unlink(missing_ok=True)
    waiting, total = todo, len(todo)
    while waiting:
        numbered = [(total - len(waiting) + i + 1, job) for i, job in enumerate(waiting)]
        try:
            launch([_launched(job, f"{number}/{total}") for number, job in numbered], total - len(waiting))
        except RuntimeError as error:
            why = one_line(str(error)).partition(". ")[0]
            say(f"warning: the launcher stopped ({why}); going on with the runs that had not started")
        left = [job for job in waiting if not _was_started(job.composed)]
        if len(left) == len(waiting):
            break
        waiting = left
    return [_failed(job) for job in todo if not is_done(job.composed)]


def _check_unchanged_folders(done: Sequence[Composed]) -> None:
    """A finished run counts only for the folder that it was made from, since a folder is named and not hashed."""
    from experiments.pipeline import check_unchanged, load_if_there

    loaded: dict[str, Collection | None] = {}

    def load(data: DataConfig, execution: Execution) -> Collection | None:
        if not isinstance(data, BeirData):
            return None
        key = digest(data)
        if key not in loaded:
            loaded[key] = load_if_there(data, execution=execution)
        return loaded[key]

    for run in done:
        record = find_record(run.execution.store, run.run_id)
        if record is not None:
            check_unchanged(record, run.config.data, functools.partial(load, execution=run.execution))


def _was_started(run: Composed) -> bool:
    return is_done(run) or failure_path(run.execution.store, run.run_id).is_file()


def _launched(job: Job, position: str) -> list[str]:
    return [*job.overrides, f"run_name='{job.composed.run_id}'", f"position={write_value(position)}"]


def is_done(run: Composed) -> bool:
    """Whether the store holds a record of the run."""
    return bool(record_paths(run.execution.store, run.run_id))


def _failed(job: Job) -> Failed:
    failure = find_failure(job.composed.execution.store, job.composed.run_id)
    cause, log = (failure.cause, failure.log) if failure else ("did not start", "")
    return Failed(job.title, job.composed.run_id, cause, log)


def _report(failed: Sequence[Failed]) -> None:
    say(f"\n{len(failed)} of the runs failed; the same command runs them again:")
    for one in failed:
        say(f"  {one.title}  {one.run_id}\n    {one.cause}" + (f"\n    log: {one.log}" if one.log else ""))


# ---------------------------------------------------------------- what is shown


def say(text: str) -> None:
    """Print at once, also into a pipe."""
    print(text, flush=True)


def one_line(text: str) -> str:
    """Text without line breaks."""
    return " ".join(text.split())


def dry_run(arguments: Sequence[str], composer: Composer) -> bool:
    """Whether the command line asks for the plan only."""
    return composer.config([text for text in arguments if text.startswith("dry_run=")])["dry_run"] is True


def summary(jobs: Sequence[Job]) -> str:
    """`12 runs, 3 already done`."""
    runs = {job.composed.run_id: job.composed for job in jobs}
    done = sum(is_done(run) for run in runs.values())
    return f"{len(runs)} run{'' if len(runs) == 1 else 's'}, {done} already done"


def show(jobs: Iterable[Job]) -> None:
    """One line per run."""
    for job in jobs:
        state = "done" if is_done(job.composed) else "to run"
        say(f"  {job.composed.run_id}  {state:6}  {job.title}")


def _show_study(planner: StudyPlanner, first: Sequence[Job], second: Sequence[Job]) -> None:
    study = planner.study
    say(f"study {study.name}: {study.question}")
    say(f"  blocks  {', '.join(study.blocks)}")
    say(f"  arms    {', '.join([*study.arms, *study.choose])}")
    say(f"  seeds   {', '.join(map(str, study.seeds))}")
    waiting = [cell for cell in planner.cells() if cell.waits]
    later = f", and {len(waiting)} more that wait for phase 1" if waiting else ""
    if first:
        say(f"  phase 1 {summary(first)} (dev queries only)")
        say(f"  phase 2 {summary(second)}{later}")
        _say_chosen(planner)
    else:
        say(f"  runs    {summary(second)}")


def _say_chosen(planner: StudyPlanner) -> None:
    for (block, arm), chosen in planner.chosen.items():
        value = "chosen after phase 1" if chosen.value is None else f"{chosen.value}, chosen by {chosen.by}"
        say(f"  {block} / {arm}: {chosen.key} = {value}")


def _show_runs(planner: StudyPlanner, first: Sequence[Job], second: Sequence[Job]) -> None:
    if first:
        say("phase 1")
        show(first)
        say("phase 2")
    jobs = {job.cell: job for job in second}
    for cell in planner.cells():
        if cell in jobs:
            show([jobs[cell]])
        else:
            say(f"  {'-' * 16}  waits   {cell.title}  (needs {', '.join(cell.waits)}: chosen after phase 1)")


def _write_plan(planner: StudyPlanner, first: Sequence[Job], second: Sequence[Job]) -> None:
    runs = [(job.cell, job.composed.run_id) for job in (*first, *second) if job.cell is not None]
    if runs:
        write_plan(store_of((*first, *second), planner.study), planner.study, runs, planner.chosen)


def store_of(jobs: Sequence[Job], study: Study) -> Path:
    """Where the plan of the study goes. Raises UserError when its runs do not share one store."""
    stores = {job.composed.execution.store for job in jobs}
    if len(stores) != 1:
        raise UserError(f"study {study.name}: its runs go to {len(stores)} stores: give execution.store once")
    return plan_path(stores.pop(), study.name)

"""What a sweep does: lay out every run, validate and show the plan, launch what is not done, report what failed.

Hydra's part (the launcher) comes in as a callable, so that the basic, joblib and submitit launchers serve alike. What
is done is read from the store, never from a launcher's return values: a killed job takes those with it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from pathlib import Path

from experiments.command.compose import Composer
from experiments.command.others import check_other_runs
from experiments.errors import UserError
from experiments.studies.declaration import Declaration
from experiments.studies.grid import grid_jobs
from experiments.studies.jobs import Failed, Job, Launch, run_jobs
from experiments.studies.only import chosen_for_now, named
from experiments.studies.plain import lengths_note, plain_cells, plain_command, plain_study
from experiments.studies.plan import Plan, plan_path, read_plan, write_plan
from experiments.studies.planner import StudyPlanner
from experiments.studies.show import dry_run, say, say_chosen, show, show_memory, show_runs, show_study, summary

Answer = Callable[[Path, Path | None, str], None]
"""answer(store, published records, study): prints what the runs say once they have ended."""

Run = Callable[[Sequence[Job]], list[Failed]]
"""run(jobs): those that have no record afterwards."""


def no_answer(_store: Path, _published: Path | None, _study: str) -> None:
    """Print nothing."""


class SweepFailed(Exception):
    """Some runs failed; they have been listed."""


def run_sweep(
    arguments: Sequence[str],
    *,
    composer: Composer,
    launch: Launch,
    at_once: bool = False,
    one_by_one: bool = False,
    answer: Answer = no_answer,
) -> None:
    """Lay out, show and run what `arguments` ask for. Raises UserError before any run, SweepFailed after the last.

    at_once: whether the launcher runs several at a time. one_by_one: whether it is given one run at a time.
    """
    run = functools.partial(run_jobs, launch=launch, at_once=at_once, one_by_one=one_by_one)
    if any(text.startswith("study=") for text in arguments):
        failed = _run_study(arguments, composer, run, answer)
    else:
        failed = _run_grid(arguments, composer, run, answer)
    if failed:
        _report(failed)
        raise SweepFailed


def _say_where(jobs: Sequence[Job]) -> None:
    for root in dict.fromkeys(job.composed.execution.store for job in jobs):
        say(f"records: {root / 'records'}")


def _run_grid(arguments: Sequence[str], composer: Composer, run: Run, answer: Answer) -> list[Failed]:
    jobs = grid_jobs(arguments, composer)
    check_other_runs([job.composed for job in jobs])
    say(f"sweep: {summary(jobs)}")
    if note := lengths_note([job.composed.config for job in jobs]):
        say(note)
    if dry_run(arguments, composer):
        show(jobs)
        show_memory(jobs)
        return []
    failed = run(jobs)
    _say_where(jobs)
    if len(jobs) > 1:
        cells = plain_cells(jobs)
        study, store = plain_study(cells), shared_store(jobs, "this sweep")
        path = plan_path(store, study.name)
        write_plan(path, study, cells, {}, command=plain_command(composer, arguments))
        answer(store, jobs[0].composed.execution.results, study.name)
    return failed


def _run_study(arguments: Sequence[str], composer: Composer, run: Run, answer: Answer) -> list[Failed]:
    planner = StudyPlanner.make(arguments, composer)
    names = named(arguments, composer, planner.study)
    first, second = planner.phase_one(), planner.phase_two()
    check_other_runs([job.composed for job in (*first, *second)])
    show_study(planner, first, second)
    if dry_run(arguments, composer):
        show_runs(planner, first, second)
        show_memory([*first, *second])
        return []
    failed: list[Failed] = []
    if first:
        _write_plan(planner, first, second)
        failed += run(chosen_for_now(first, names, planner.study))
        second = planner.phase_two()
        say_chosen(planner)
    _write_plan(planner, first, second)
    failed += run(chosen_for_now(second, names, planner.study))
    jobs = (*first, *second)
    _say_where(jobs)
    if jobs:
        store = shared_store(jobs, f"study {planner.study.name}")
        answer(store, jobs[0].composed.execution.results, planner.study.name)
    return failed if names else failed + [Failed(cell.title, "", cause, "") for cell, cause in planner.blocked()]


def _report(failed: Sequence[Failed]) -> None:
    say(f"\n{len(failed)} of the runs failed:")
    for one in failed:
        say(f"  {one.title}  {one.run_id}\n    {one.cause}" + (f"\n    log: {one.log}" if one.log else ""))
    say("The same command runs them again, and nothing that is done:")


def _write_plan(planner: StudyPlanner, first: Sequence[Job], second: Sequence[Job]) -> None:
    runs = [(job.cell, job.composed.run_id) for job in (*first, *second) if job.cell is not None]
    if runs:
        store = shared_store((*first, *second), f"study {planner.study.name}")
        published = _published_plan(second or first, planner.study)
        path = plan_path(store, planner.study.name)
        write_plan(path, planner.study, runs, planner.chosen, published, command=planner.command)


def _published_plan(jobs: Sequence[Job], study: Declaration) -> Plan | None:
    """The study's plan among the published results, or None."""
    results = jobs[0].composed.execution.results
    path = None if results is None else results / study.name / "plan.json"
    return read_plan(path) if path is not None and path.is_file() else None


def shared_store(jobs: Sequence[Job], what: str) -> Path:
    """The one store that the runs of `what` share. Raises UserError when they go to several."""
    stores = {job.composed.execution.store for job in jobs}
    if len(stores) != 1:
        raise UserError(f"{what}: its runs go to {len(stores)} stores: give execution.store once")
    return stores.pop()

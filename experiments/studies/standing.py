"""Where every run of a study stands: done, missing, outdated, started, failed, or waiting for a chosen value."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from experiments.command.build import Composed
from experiments.command.compose import CONF, Composer
from experiments.command.own_study import take_study
from experiments.command.quoting import accept
from experiments.execution import Execution
from experiments.records.folder import find_failure, find_outdated, find_record
from experiments.store.use import alone
from experiments.studies.cells import Cell
from experiments.studies.grid import grid_jobs
from experiments.studies.plain import plain_cells
from experiments.studies.plan import Plan, plan_path, read_plan
from experiments.studies.planner import StudyPlanner

RESULTS = Path("results")
STATES = ("done", "missing", "outdated", "started", "killed", "failed", "waits")


@dataclass(frozen=True)
class Standing:
    """One run of a study.

    state: done, missing, outdated (what its numbers mean has changed since), started, killed (started, and no process
    works in the store), failed, or waits (for a value chosen in phase 1). run: None where it waits.
    overrides: of a plain sweep, the command line of this run alone.
    """

    cell: Cell
    state: str
    run: Composed | None = None
    cause: str = ""
    log: str = ""
    overrides: tuple[str, ...] = ()

    @property
    def run_id(self) -> str:
        """The run's name, "" where it waits."""
        return "" if self.run is None else self.run.run_id


def studies() -> list[str]:
    """The studies of conf/study/."""
    return sorted(path.stem for path in (CONF / "study").glob("*.yaml"))


def standings(study: str, settings: Sequence[str]) -> Iterator[Standing]:
    """Every run of a study, phase 1 first. Raises UserError for a study that does not compose."""
    arguments, composer = accept(take_study(command_of(study, settings)), many=True), Composer()
    if not is_declared(arguments):
        jobs = grid_jobs(arguments, composer)
        for job, (cell, _) in zip(jobs, plain_cells(jobs), strict=True):
            yield standing(job.composed, cell, overrides=job.overrides)
        return
    planner = StudyPlanner.make(arguments, composer)
    for job in planner.phase_one():
        assert job.cell is not None
        yield standing(job.composed, job.cell)
    known = {job.cell: job for job in planner.phase_two()}
    for cell in planner.cells():
        yield standing(known[cell].composed, cell) if cell in known else Standing(cell, "waits")


def is_declared(arguments: Sequence[str]) -> bool:
    """Whether a command line names a study, and is not a plain sweep."""
    return any(text.startswith("study=") for text in arguments)


def command_of(study: str, settings: Sequence[str]) -> list[str]:
    """What lays the study out: its file, or for one that was named on a command line what its plan has kept of that."""
    if study not in studies() and (plan := plan_of(study, settings)) is not None and plan.command:
        return [*plan.command, *settings]
    return [f"study={study}", *settings]


def plan_of(study: str, settings: Sequence[str]) -> Plan | None:
    """The plan that the study's runs were made under: the store's, else the published one; None: it was never run."""
    return next((read_plan(path) for path in plan_places(study, settings) if path.is_file()), None)


def plan_places(study: str, settings: Sequence[str]) -> tuple[Path, Path]:
    """Where the plan of a study may lie: in the store that a command line names, and among the published results."""
    return plan_path(store_of(settings), study), RESULTS / study / "plan.json"


def store_of(settings: Sequence[str]) -> Path:
    """The store that a command line names."""
    given = dict(text.partition("=")[::2] for text in settings)
    return Path(given.get("execution.store", f"{given.get('outputs', 'outputs')}/store"))


def standing(run: Composed, cell: Cell, *, overrides: tuple[str, ...] = ()) -> Standing:
    """What the store and the published results know of a run."""
    state, cause, log = _state(run.execution, run.run_id)
    return Standing(cell, state, run, cause, log, overrides)


def _state(execution: Execution, run_id: str) -> tuple[str, str, str]:
    """State, cause and log."""
    if find_record(execution.record_roots, run_id) is not None:
        return "done", "", ""
    failure = find_failure(execution.store, run_id)
    outdated = find_outdated(execution.record_roots, run_id)
    if failure is None and outdated is not None:
        return "outdated", f"{outdated[0]}: what its numbers mean has changed since", ""
    if failure is None:
        return "missing", "", ""
    if not failure.started:
        return "failed", failure.cause, failure.log
    with alone(execution.store) as nobody_else:
        if nobody_else:
            return "killed", "it was started, and no process works in the store: it was killed", failure.log
    return "started", failure.cause, failure.log


def count_line(rows: Sequence[Standing]) -> str:
    """`4 of 5 done, 1 failed`."""
    counts = {state: sum(row.state == state for row in rows) for state in STATES}
    rest = ", ".join(f"{n} {state}" for state, n in counts.items() if n and state != "done")
    return f"{counts['done']} of {len(rows)} done" + (f", {rest}" if rest else "")

"""`python -m experiments.status [STUDY]`: what is done, missing, started or failed, and the command that fills it."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from experiments.entry import Parser, guarded, shell
from experiments.errors import UserError
from experiments.execution import Execution
from experiments.records.folder import find_failure, find_outdated, find_record
from experiments.studies.cells import Cell
from experiments.studies.plan import plan_path, read_plan

SIGNS = {
    "done": "done",
    "missing": "-",
    "outdated": "outdated",
    "started": "started",
    "failed": "FAILED",
    "waits": "waits",
}


@dataclass(frozen=True)
class Standing:
    """One run of a study.

    state: done, missing, outdated (what its numbers mean has changed since), started, failed, or waits (for a value
    chosen in phase 1).
    """

    cell: Cell
    run_id: str
    state: str
    cause: str = ""


def main(argv: Sequence[str] | None = None) -> int:
    """Print the standing of one study, or one line for each. Exit code 0 when the study asked for is whole, else 1."""
    return guarded(lambda: _command(argv))


def _command(argv: Sequence[str] | None) -> int:
    parser = Parser(prog="python -m experiments.status", description=__doc__)
    parser.add_argument(
        "study",
        nargs="?",
        help="a study of conf/study/, or a study.name; none = one line each",
    )
    parser.add_argument("settings", nargs="*", help="what its command line set, e.g. data=beir data.path=FOLDER")
    arguments = parser.parse_args(argv)
    if arguments.study is not None:
        return _show(arguments.study, arguments.settings)
    for name in studies():
        print(f"{name:<24} {_one_line(name)}")
    return 0


def _one_line(study: str) -> str:
    """How many of its runs are done, or why they cannot be named: `study=own_data` has no data of its own."""
    try:
        return count_line(list(standings(study, [])))
    except UserError as error:
        return f"not known: {error}"


def studies() -> list[str]:
    """The studies of conf/study/."""
    from experiments.command.compose import CONF

    return sorted(path.stem for path in (CONF / "study").glob("*.yaml"))


def standings(study: str, settings: Sequence[str]) -> Iterator[Standing]:
    """Every run of a study, phase 1 first. Raises UserError for a study that does not compose."""
    from experiments.command.compose import Composer
    from experiments.command.own_study import take_study
    from experiments.command.quoting import accept
    from experiments.studies.grid import grid_jobs
    from experiments.studies.plain import plain_cells
    from experiments.studies.planner import StudyPlanner

    arguments, composer = accept(take_study(_arguments(study, settings)), many=True), Composer()
    if not any(text.startswith("study=") for text in arguments):
        jobs = grid_jobs(arguments, composer)
        for job, (cell, run_id) in zip(jobs, plain_cells(jobs), strict=True):
            yield standing(job.composed.execution, cell, run_id)
        return
    planner = StudyPlanner.make(arguments, composer)
    for job in planner.phase_one():
        assert job.cell is not None
        yield standing(job.composed.execution, job.cell, job.composed.run_id)
    known = {job.cell: job for job in planner.phase_two()}
    for cell in planner.cells():
        if cell in known:
            run = known[cell].composed
            yield standing(run.execution, cell, run.run_id)
        else:
            yield Standing(cell, "", "waits")


def _arguments(study: str, settings: Sequence[str]) -> list[str]:
    """What lays the study out: its file, or for one that was named on a command line what its plan has kept of that."""
    if study not in studies():
        given = dict(text.partition("=")[::2] for text in settings)
        store = Path(given.get("execution.store", f"{given.get('outputs', 'outputs')}/store"))
        for path in (plan_path(store, study), Path("results") / study / "plan.json"):
            if path.is_file() and (command := read_plan(path).command):
                return [*command, *settings]
    return [f"study={study}", *settings]


def standing(execution: Execution, cell: Cell, run_id: str) -> Standing:
    """What the store and the published results know of a run."""
    if find_record(execution.record_roots, run_id) is not None:
        return Standing(cell, run_id, "done")
    failure = find_failure(execution.store, run_id)
    outdated = find_outdated(execution.record_roots, run_id)
    if failure is None and outdated is not None:
        return Standing(cell, run_id, "outdated", f"{outdated[0]}: what its numbers mean has changed since")
    if failure is None:
        return Standing(cell, run_id, "missing")
    return Standing(cell, run_id, "started" if failure.started else "failed", failure.cause)


def count_line(rows: Sequence[Standing]) -> str:
    """`4 of 5 done, 1 failed`."""
    counts = {state: sum(row.state == state for row in rows) for state in SIGNS}
    rest = ", ".join(f"{n} {state}" for state, n in counts.items() if n and state != "done")
    return f"{counts['done']} of {len(rows)} done" + (f", {rest}" if rest else "")


def _show(study: str, settings: Sequence[str]) -> int:
    rows = list(standings(study, settings))
    print(f"study {study}: {count_line(rows)}")
    print("\n".join(grid_lines(rows)))
    for row in rows:
        if row.state in {"started", "failed"}:
            print(f"{row.state:<7} {row.cell.title}  {row.run_id}: {row.cause}")
    if all(row.state == "done" for row in rows):
        return 0
    print("to fill: " + shell(["python", "-m", "experiments.run", "-m", *_arguments(study, settings)]))
    return 1


def grid_lines(rows: Sequence[Standing]) -> list[str]:
    """One line per phase, block, arm and value; one column per seed."""
    seeds = list(dict.fromkeys(row.cell.seed for row in rows))
    lines: dict[str, dict[int, str]] = {}
    for row in rows:
        phase = "dev  " if row.cell.phase == 1 else ""
        name = phase + row.cell.title.rpartition(" / seed ")[0]
        lines.setdefault(name, {})[row.cell.seed] = SIGNS[row.state]
    width = max(len(name) for name in lines)
    head = f"{'':<{width}}  " + "  ".join(f"{f'seed {seed}':<7}" for seed in seeds)
    body = [f"{name:<{width}}  " + "  ".join(f"{marks.get(s, ''):<7}" for s in seeds) for name, marks in lines.items()]
    return [line.rstrip() for line in (head, *body)]


if __name__ == "__main__":
    sys.exit(main())

"""`python -m experiments.status [STUDY]`: what is done, missing, started or failed, and the command that fills it.

--failed says why runs failed, --missing gives a command for each arm that lacks runs, --why RUN says stage by stage
what a run would reuse or make, and in which field what it would make differs from the nearest that is there.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from experiments.entry import Parser, guarded, shell
from experiments.errors import UserError

if TYPE_CHECKING:
    from experiments.studies.standing import Standing

SIGNS = {
    "done": "done",
    "missing": "-",
    "outdated": "outdated",
    "started": "started",
    "killed": "killed",
    "failed": "FAILED",
    "waits": "waits",
}
TOLD = ("started", "killed", "failed")
"""States whose cause is told."""


def main(argv: Sequence[str] | None = None) -> int:
    """Print the standing of one study, or one line for each. Exit code 0 when the study asked for is whole, else 1."""
    return guarded(lambda: _command(argv))


def _command(argv: Sequence[str] | None) -> int:
    parser = Parser(prog="python -m experiments.status", description=__doc__)
    parser.add_argument("study", nargs="?", help="a study of conf/study/, or a study.name; none = one line each")
    parser.add_argument("settings", nargs="*", help="what its command line set, e.g. data=beir data.path=FOLDER")
    parser.add_argument("--failed", action="store_true", help="only what failed or was killed, and why")
    parser.add_argument("--missing", action="store_true", help="only what has no record, with commands that run it")
    parser.add_argument(
        "--why", metavar="RUN", help="a run (run_id or its start): what it would reuse and make, and why"
    )
    arguments = parser.parse_intermixed_args(argv)
    if arguments.study is None:
        return _show_all()
    return _show(arguments.study, arguments.settings, arguments.failed, arguments.missing, arguments.why)


def _show_all() -> int:
    from experiments.studies.standing import studies

    for name in studies():
        print(f"{name:<24} {_one_line(name)}")
    return 0


def _one_line(study: str) -> str:
    """How many of its runs are done, or why they cannot be named: `study=own_data` has no data of its own."""
    from experiments.studies.standing import count_line, standings

    try:
        return count_line(list(standings(study, [])))
    except UserError as error:
        return f"not known: {error}"


def _show(study: str, settings: Sequence[str], failed: bool, missing: bool, why: str | None) -> int:
    from experiments.searching.standing import search_lines
    from experiments.studies.standing import count_line, standings

    lines = search_lines(study, settings)
    if lines is not None:
        print("\n".join(lines.text))
        return 0 if lines.whole else 1
    rows = list(standings(study, settings))
    whole = 0 if all(row.state == "done" for row in rows) else 1
    if why is not None:
        from experiments.studies.why import chosen_run, why_lines

        for line in why_lines(chosen_run(rows, why)):
            print(line, flush=True)
        return whole
    print(f"study {study}: {count_line(rows)}")
    if failed:
        print("\n".join(told_lines(rows)) or "nothing failed")
    elif missing:
        print("\n".join(missing_lines(rows, study, settings)) or "nothing is missing")
    else:
        print("\n".join(_overview(rows, study, settings)))
    return whole


def _overview(rows: Sequence[Standing], study: str, settings: Sequence[str]) -> Iterator[str]:
    from experiments.studies.moved import moved_lines
    from experiments.studies.standing import command_of, plan_of
    from experiments.studies.timing import time_line

    yield from grid_lines(rows)
    yield time_line(rows)
    yield from told_lines(rows)
    plan, runs = plan_of(study, settings), [row.run for row in rows if row.run is not None]
    if plan is not None and runs:
        yield from moved_lines(plan, runs[0].execution.record_roots)
    if any(row.state != "done" for row in rows):
        yield "to fill: " + shell(["python", "-m", "experiments.run", "-m", *command_of(study, settings)])


def told_lines(rows: Sequence[Standing]) -> list[str]:
    """One line for every run that was started or failed, and its log."""
    return [
        f"{row.state:<7} {row.cell.title}  {row.run_id}: {row.cause}" + (f" (log: {row.log})" if row.log else "")
        for row in rows
        if row.state in TOLD
    ]


def missing_lines(rows: Sequence[Standing], study: str, settings: Sequence[str]) -> Iterator[str]:
    """Every run without a record, under the command that runs those of its arm."""
    from experiments.studies.standing import command_of, is_declared

    command, left = command_of(study, settings), [row for row in rows if row.state != "done"]
    if not is_declared(command):
        for row in left:
            yield shell(["python", "-m", "experiments.run", *row.overrides])
            yield f"    {row.state:<8} {row.cell.title}  {row.run_id}"
        return
    for arm in dict.fromkeys(row.cell.arm for row in left):
        yield shell(["python", "-m", "experiments.run", "-m", *command, f"only=[{arm}]"])
        yield from (f"    {row.state:<8} {row.cell.title}  {row.run_id}" for row in left if row.cell.arm == arm)


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

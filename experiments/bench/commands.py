"""What it costs to plan, to ask, to check pages and to come back to what is done: whole commands, by CPU seconds."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from experiments.bench.threshold import as_overrides
from experiments.bench.values import Case, Given, Sides
from experiments.errors import UserError
from experiments.records.folder import read_record

STUDY = "why_positive_aware"
"""The study with the most runs."""
HERE = Path(__file__).resolve().parents[2]


def cases(given: Given) -> Sequence[Case]:
    """Planning and status of the longest study, pages checked, a run that is done, and the demo."""
    case = partial(Case, waited=True)
    found = [
        case(f"plan {STUDY}", _command("run", "-m", f"study={STUDY}", "dry_run=true", "tracker=none"), target=2.0),
        case(f"status {STUDY}", _command("status", STUDY, codes=(0, 1)), target=2.0),
        # Memory is left out: the process that makes the copy's pages would be in it.
        case("pages checked again (analysis build --check)", _check, target=2.0, memory=False),
        case("pages checked, everything made anew", _check_anew, memory=False),
        case("a run that is done (docstrings)", _done, target=3.0),
    ]
    return (
        found
        if given.quick
        else [*found, case("the demo, everything new", _demo, target=75.0, clock="wall", once=True)]
    )


def call(module: str, arguments: Sequence[str], *, codes: Sequence[int] = (0,)) -> None:
    """Run `python -m MODULE`, nothing shown. Raises UserError with the last line of what it said."""
    command = [sys.executable, "-m", module, *arguments]
    ended = subprocess.run(command, cwd=HERE, env=dict(os.environ), capture_output=True, text=True, check=False)
    if ended.returncode not in codes:
        said = (ended.stderr.strip() or ended.stdout.strip() or "nothing").splitlines()[-1]
        raise UserError(f"`python -m {module} {' '.join(arguments)}` ended with {ended.returncode}: {said}")


def _command(name: str, *arguments: str, codes: Sequence[int] = (0,)) -> Callable[[Given], Sides]:
    def prepare(given: Given) -> Sides:
        where = [f"outputs={given.scratch.as_posix()}"] if name == "run" else []
        return Sides(lambda _turn: call(f"experiments.{name}", [*arguments, *where], codes=codes))

    return prepare


def _check(given: Given) -> Sides:
    """What making the pages has kept is there."""
    results = _pages(given, "kept")
    return Sides(lambda _turn: call("analysis", ["build", "--check", "--records", results.as_posix()]))


def _check_anew(given: Given) -> Sides:
    """As on a fresh clone: nothing is kept."""
    results = _pages(given, "anew")

    def check(_turn: int) -> None:
        shutil.rmtree(results.parent / "outputs", ignore_errors=True)
        call("analysis", ["build", "--check", "--records", results.as_posix()])

    return Sides(check, warm=False)


def _pages(given: Given, name: str) -> Path:
    """A copy of the committed records with all pages made: the bench's own stages before have changed its file."""
    beside = given.scratch / name
    shutil.copytree(HERE / "results", beside / "results")
    shutil.copy(HERE / "README.md", beside)
    call("analysis", ["build", "--records", (beside / "results").as_posix()])
    return beside / "results"


def mine(given: Given, *data: str, outputs: Path) -> None:
    """A run by TopK-PercPos that stops after mining. data: its collection, and what else is not as usual."""
    how = [f"outputs={outputs.as_posix()}", f"execution.threads={given.threads}", f"execution.device={given.device}"]
    rows = ["execution.results=null", "teacher=static", "miner=topk_percpos", "until=mine", "tracker=none"]
    call("experiments.run", [*data, *how, *rows])


def _done(given: Given) -> Sides:
    return Sides(lambda _turn: mine(given, *as_overrides(given), outputs=given.scratch))


def _demo(given: Given) -> Sides:
    outputs = given.scratch / "demo"

    def demo(_turn: int) -> None:
        call("experiments.run", ["-m", "study=demo", "execution.results=null", f"outputs={outputs.as_posix()}"])

    return Sides(demo, limit=lambda _spent: _by_stage(outputs / "store" / "records"), warm=False)


def _by_stage(records: Path) -> str:
    """On what the runs of a store spent their seconds, the longest first."""
    spent: dict[str, float] = defaultdict(float)
    for path in records.glob("*/*.json"):
        for what, seconds in read_record(path).timings.items():
            spent[what.partition(" ")[0]] += seconds
    longest = sorted(spent.items(), key=lambda one: -one[1])
    stages = ", ".join(f"{what} {seconds:.0f} s" for what, seconds in longest if what != "wall")
    return f"on the clock, over all runs: {stages}"

"""`python -m experiments.bench [STAGE ...]`: every stage timed beside its peers on this machine, kept for the page.

Both sides of a case take turns in a process of their own, so that other work on the machine falls on both; the ratio
is of CPU seconds (of the clock where it says so), its median over the rounds. Peak memory is that of further processes
that do one side alone. What is measured replaces what was kept of the same stage on machines of this kind.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from experiments.bench.machine import describe, kind
from experiments.bench.turns import STAGES, cases_of, measure
from experiments.bench.values import FILE, MEASURE, Bench, Curve, Given, Measured, Spent
from experiments.entry import Parser, beir_home, check_writable, guarded
from experiments.errors import UserError
from experiments.files import write_json
from experiments.measured import read_measured
from experiments.models.device import resolve_device

MAIN = "squad"
"""The collection that is taken where BEIR_HOME has it."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0, 2 for a mistake."""
    return guarded(lambda: _command(arguments), interrupted="the stages that were measured are kept")


def _command(arguments: Sequence[str] | None) -> int:
    parsed = _parser().parse_args(arguments)
    if unknown := sorted(set(parsed.stages) - set(STAGES)):
        raise UserError(f"{', '.join(unknown)}: should be of {', '.join(STAGES)}")
    for name in ("threads", "rounds"):
        if getattr(parsed, name) < 1:
            raise UserError(f"--{name} {getattr(parsed, name)}: should be at least 1")
    with tempfile.TemporaryDirectory(prefix="bench.") as scratch:
        given = _given(parsed, Path(scratch))
        machine = describe(device=given.device, threads=given.threads)
        folder = parsed.out / (parsed.name or kind(machine))
        check_writable("--out", folder)
        path, kept = folder / FILE, Bench(machine=machine)
        if path.is_file():
            kept = read_measured(path, Bench, command=MEASURE).model_copy(update={"machine": machine})
        for stage in parsed.stages or STAGES:
            kept = _with_stage(kept, stage, given)
            write_json(path, kept.model_dump(mode="json"))
    print(f"kept in {path}; `python -m analysis build` makes the page of it")
    return 0


def _parser() -> Parser:
    parser = Parser(
        prog="python -m experiments.bench",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("stages", nargs="*", metavar="STAGE", help=f"of {', '.join(STAGES)} (default: all)")
    parser.add_argument(
        "--collection", help=f"a folder of BEIR_HOME (default: {MAIN} where it is there, else docstrings)"
    )
    parser.add_argument("--threads", type=int, default=1, help="of torch and faiss (default: 1)")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    parser.add_argument("--rounds", type=int, default=3, help="that each side is repeated (default: 3)")
    parser.add_argument("--quick", action="store_true", help="small sizes: a try in a few minutes, no figures to quote")
    parser.add_argument(
        "--no-memory", action="store_true", help="leave peak memory out, which takes two more processes"
    )
    parser.add_argument("--name", help="of this kind of machine (default: its unit for matrices and the threads)")
    parser.add_argument("--out", type=Path, default=Path("results/bench"), help="default: results/bench")
    return parser


def _given(parsed: argparse.Namespace, scratch: Path) -> Given:
    from experiments.execution import Execution

    home, collection = beir_home(), parsed.collection
    if collection is not None and (home is None or not (home / collection).is_dir()):
        raise UserError(
            f"--collection {collection}: no such folder under BEIR_HOME={home}: set BEIR_HOME or leave it out"
        )
    if collection is None and not parsed.quick and home is not None and (home / MAIN).is_dir():
        collection = MAIN
    return Given(
        scratch=scratch,
        collection=collection,
        beir_home=home,
        device=resolve_device(Execution(device=parsed.device)),
        threads=parsed.threads,
        rounds=parsed.rounds,
        quick=parsed.quick,
        memory=not parsed.no_memory,
    )


def _with_stage(kept: Bench, stage: str, given: Given) -> Bench:
    """What was kept, with this stage measured anew."""
    measured: list[Measured] = []
    curves: list[Curve] = []
    for place in range(len(cases_of(stage, given))):
        found = measure(stage, place, given)
        print(line(found), flush=True)
        if isinstance(found, Measured):
            measured.append(found)
        else:
            curves.append(found)
    return kept.model_copy(
        update={
            "measured": (*(one for one in kept.measured if one.stage != stage), *measured),
            "curves": tuple(curves) or kept.curves,
        }
    )


def line(found: Measured | Curve) -> str:
    """A case on one line of the screen."""
    if isinstance(found, Curve):
        points = ", ".join(f"{size:,}: {seconds:.2f} s" for size, seconds in found.points)
        return f"{found.what}, by {found.axis}: slope {found.slope:.2f} ({points})"
    told = f"{found.stage}  {found.case}: {_spent(found.ours, found.ours_mb)}"
    if found.peer is not None:
        told += f"; {found.against}: {_spent(found.peer, found.peer_mb)}; {found.times:.2f} times as fast"
    verdict = {None: "", True: ", target met", False: f", target {found.target} not met"}[found.met]
    return told + verdict + "".join(f"; {text}" for text in (found.agreement, found.limit) if text)


def _spent(spent: Spent, peak: float | None) -> str:
    memory = "" if peak is None else f", {peak:,.0f} MiB"
    return f"{spent.cpu:.2f} CPU s ({spent.wall:.2f} s{memory})"


if __name__ == "__main__":
    sys.exit(main())

"""`python -m experiments.renew STUDY`: run a study's outdated cells anew, from the configs in their published records.

A record is outdated where what the numbers of one of its stages mean has changed since. It is mined anew; where the
same rows would train the same student on the same evaluation, training is not repeated. Cells that were never run stay
missing: `python -m experiments.run -m study=STUDY` runs them. Where dev prefers another value than the one that was
chosen before, that is told, and its runs are missing as well. Publish the study afterwards.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from experiments.entry import Parser, beir_home, check_writable, guarded
from experiments.errors import UserError
from experiments.execution import STORE, Execution
from experiments.files import write_text
from experiments.records.folder import find_outdated, find_record
from experiments.records.schema import RunRecord
from experiments.studies.moved import moved_lines
from experiments.studies.plan import PlannedRun, dump_plan, plan_path, read_plan


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code: 0 when no cell is outdated any more, 1 when one failed, 2 for a mistake."""
    return guarded(lambda: _command(_parser().parse_args(argv)), interrupted="the same command goes on")


def _parser() -> Parser:
    parser = Parser(prog="python -m experiments.renew", description=__doc__)
    parser.add_argument("study")
    parser.add_argument("--results", type=Path, default=Path("results"), help="the published records (results)")
    parser.add_argument("--store", type=Path, default=STORE, help="default: outputs/store")
    parser.add_argument("--block", action="append", dest="blocks", help="these blocks only, once for each (all)")
    parser.add_argument("--threads", type=int, help="torch's threads (default: torch's own choice)")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    return parser


def _command(parsed: argparse.Namespace) -> int:
    path = parsed.results / parsed.study / "plan.json"
    if not path.is_file():
        raise UserError(f"{parsed.study}: no published study ({path} is missing): publish it first")
    check_writable("--store", parsed.store)
    plan = read_plan(path)
    execution = _execution(parsed)
    unknown = sorted({*(parsed.blocks or ())} - {*plan.blocks})
    if unknown:
        raise UserError(f"--block {unknown[0]}: {parsed.study} has no such block (it has: {', '.join(plan.blocks)})")
    cells = outdated_cells([run for run in plan.runs if run.block in (parsed.blocks or plan.blocks)], execution)
    print(f"{len(cells)} of {len(plan.runs)} cells of {parsed.study} are outdated", flush=True)
    kept = plan_path(parsed.store, parsed.study)
    if cells and not kept.is_file():
        write_text(kept, dump_plan(plan))
    failed = sum(
        not _renewed(cell, record, execution, f"{i}/{len(cells)}") for i, (cell, record) in enumerate(cells, 1)
    )
    for line in moved_lines(plan, execution.record_roots):
        print(line)
    if cells:
        print(f"publish what is new: python -m experiments.publish {parsed.study} --store {parsed.store}")
    return 1 if failed else 0


def _execution(parsed: argparse.Namespace) -> Execution:
    return Execution(
        store=parsed.store,
        results=parsed.results,
        output=parsed.store.parent / "renew",
        device=parsed.device,
        threads=parsed.threads,
        beir_home=beir_home(),
        progress=False,
    )


def outdated_cells(runs: Sequence[PlannedRun], execution: Execution) -> list[tuple[PlannedRun, RunRecord]]:
    """The runs, each once, that have an outdated record and no current one: those of the tables first."""
    found: dict[str, tuple[PlannedRun, RunRecord]] = {}
    for run in sorted(runs, key=lambda run: -run.phase):
        outdated = find_outdated(execution.record_roots, run.run_id)
        if outdated is not None and find_record(execution.record_roots, run.run_id) is None:
            found.setdefault(run.run_id, (run, outdated[1]))
    return list(found.values())


def _renewed(cell: PlannedRun, record: RunRecord, execution: Execution, position: str) -> bool:
    """Whether the cell has a record again. A mistake in one cell is told, and the others go on."""
    from experiments import pipeline

    title = f"[{position}] {cell.block} / {cell.arm} / seed {cell.seed}"
    try:
        new = pipeline.run(record.run_config(), execution)
    except UserError as error:
        print(f"{title}  failed: {' '.join(str(error).split())}", flush=True)
        return False
    scores = [f"{task} {facts.measures['nDCG@10']:.4f} (was {_was(record, task)})" for task, facts in new.tasks.items()]
    print(f"{title}  {', '.join(scores) or 'mined'}", flush=True)
    return True


def _was(record: RunRecord, task: str) -> str:
    return f"{record.tasks[task].measures['nDCG@10']:.4f}" if task in record.tasks else "not measured"


if __name__ == "__main__":
    sys.exit(main())

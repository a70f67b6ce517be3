"""`python -m experiments.publish STUDY`: copy a study's finished records and per-query scores into results/.

A run that two studies share has one record. What is published already stays: a record is added, or replaced where its
numbers are outdated, and nothing is ever lost. Publishing again writes the same bytes; an incomplete study publishes
what is whole and says what is missing.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from experiments.entry import Parser, check_writable, guarded
from experiments.errors import UserError
from experiments.execution import STORE
from experiments.files import write_text
from experiments.records.folder import find_record, is_outdated, read_record, record_path, record_paths
from experiments.records.merge import copy_groups, replaces
from experiments.records.scores import read_scores, scores_path, write_published
from experiments.searching.trials import read_search, write_search
from experiments.studies.plan import Plan, PlannedRun, dump_plan, merged, plan_path, read_plan


@dataclass(frozen=True)
class Published:
    """What became of a study's runs.

    copied: records written. kept: runs whose published record stays. missing: runs of the plan without a record.
    """

    copied: int
    kept: int
    missing: tuple[PlannedRun, ...]


def main(argv: Sequence[str] | None = None) -> int:
    """Publish one study. Exit code 0 when it is whole, 1 when runs are missing, 2 for a mistake."""
    return guarded(lambda: _command(argv))


def _command(argv: Sequence[str] | None) -> int:
    parser = Parser(prog="python -m experiments.publish", description=__doc__)
    parser.add_argument("study")
    parser.add_argument("--store", type=Path, default=STORE, help="default: outputs/store")
    parser.add_argument("--results", type=Path, default=Path("results"), help="default: results")
    arguments = parser.parse_args(argv)
    published = publish(arguments.study, store=arguments.store, results=arguments.results)
    folder = arguments.results / arguments.study
    print(f"published {published.copied} runs of {arguments.study} to {folder}, {published.kept} were there already")
    for run in published.missing:
        print(f"  missing: {run.block} / {run.arm} / seed {run.seed} (phase {run.phase})  {run.run_id}")
    if published.missing:
        plan = read_plan(folder / "plan.json")
        elsewhere = [] if arguments.store == STORE else [f"execution.store={arguments.store}"]
        print(f"{len(published.missing)} are missing: {plan.run_command(*elsewhere)}")
    return 1 if published.missing else 0


def publish(study: str, *, store: Path, results: Path) -> Published:
    """Copy what is whole. Raises UserError for a study without a plan, and for a record or scores that were changed."""
    plan = _plan(study, store=store, results=results)
    check_writable("--results", results)
    runs = list(dict.fromkeys(run.run_id for run in plan.runs))
    copied = sum(_publish_run(run_id, store=store, results=results) for run_id in runs)
    missing = tuple(run for run in plan.runs if find_record([results], run.run_id) is None)
    _write(results / study / "plan.json", dump_plan(plan))
    if (found := read_search(plan_path(store, study).parent)) is not None:
        write_search(results / study, found)
    held = len(runs) - len({run.run_id for run in missing})
    return Published(copied=copied, kept=max(0, held - copied), missing=missing)


def _plan(study: str, *, store: Path, results: Path) -> Plan:
    """The store's plan, with the declaration of the first run and the runs that only the published one has.

    A search is published as it stands: another winner is another comparison.
    """
    path, published = plan_path(store, study), results / study / "plan.json"
    if not path.is_file():
        raise UserError(
            f"study {study} has no plan in {store}: run it first (python -m experiments.run -m study={study})"
        )
    plan = read_plan(path)
    again = read_search(path.parent) is None and published.is_file()
    return merged(plan, read_plan(published)) if again else plan


def _publish_run(run_id: str, *, store: Path, results: Path) -> int:
    """How many records of a run were written: those that results/ lacks, or holds in an outdated version."""
    written = 0
    for path in record_paths(store, run_id):
        record = read_record(path)
        target = record_path(results, record)
        scores = read_scores(record, path)
        if target.is_file() and not replaces(record, read_record(target)):
            continue
        if scores is not None:
            write_published(scores, record, scores_path(target), root=results)
        copy_groups(record, source=store, target=results)
        _write(target, path.read_text(encoding="utf-8"))
        written += 1
    if find_record([results], run_id) is not None:
        _drop_outdated(results, run_id)
    return written


def _drop_outdated(results: Path, run_id: str) -> None:
    """Remove a run's outdated records once it has one that is not: a page must not choose between two meanings."""
    for path in record_paths(results, run_id):
        if is_outdated(read_record(path)):
            path.unlink()
            scores_path(path).unlink(missing_ok=True)


def _write(target: Path, text: str) -> None:
    if not target.is_file() or target.read_text(encoding="utf-8") != text:
        write_text(target, text)


if __name__ == "__main__":
    sys.exit(main())

"""`python -m experiments.compare STUDY|RUN_ID ...`: run finished cells again and say whether the scores are the same.

Each cell is run from its record's config in a scratch store, which nothing that is stored or published enters. The
verdict is *identical* (every query's nDCG@10 is the same number), *within the tolerance* (the mean differs by no more
than replicas of one run on different environments were seen to differ), or *different*. Without replicas among the
records there is no tolerance. What of a run was made in another environment than its record's (embeddings, say, by an
earlier run with more threads) is told as well.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
import numpy.typing as npt

from experiments.entry import Parser, beir_home, guarded, named_folders
from experiments.errors import UserError
from experiments.execution import Execution
from experiments.records.folder import find_records, is_outdated, read_record, record_paths
from experiments.records.schema import RunRecord
from experiments.records.scores import read_scores
from experiments.studies.plan import plan_path, read_plan

MEASURE = "nDCG@10"
Scores = dict[str, npt.NDArray[np.float64]]
"""Task -> one value a query, in the order of the sorted query ids."""


@dataclass(frozen=True)
class Difference:
    """Two results of one run on one task: the means, how many queries differ, and the largest difference of one."""

    task: str
    before: float
    after: float
    queries: int
    differing: int
    largest: float

    @property
    def of_means(self) -> float:
        """How far the means lie apart."""
        return abs(self.after - self.before)

    def verdict(self, tolerance: float | None) -> str:
        """`identical`, `within the tolerance` or `different`."""
        if self.differing == 0:
            return "identical"
        return "within the tolerance" if tolerance is not None and self.of_means <= tolerance else "different"


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code: 0 where every cell is identical or within the tolerance, 1 where one differs, 2 for a mistake."""
    return guarded(lambda: _command(_parser().parse_args(argv)), interrupted="no record was touched")


def _parser() -> Parser:
    parser = Parser(prog="python -m experiments.compare", description=__doc__)
    parser.add_argument("what", nargs="+", metavar="STUDY|RUN_ID", help="studies, or runs by name")
    parser.add_argument("--records", type=Path, default=Path("results"), help="results folder or artifact store")
    parser.add_argument("--cells", type=int, default=2, help="how many cells of a study, spread over it (2)")
    parser.add_argument("--threads", type=int, help="torch's threads (default: as the record's environment says)")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    parser.add_argument(
        "--data-path", action="append", default=[], metavar="NAME=FOLDER", help="a collection; else under BEIR_HOME"
    )
    return parser


def _command(parsed: argparse.Namespace) -> int:
    if parsed.cells < 1:
        raise UserError(f"--cells {parsed.cells}: should be at least 1")
    if not parsed.records.is_dir():
        raise UserError(f"--records {parsed.records}: no such folder")
    tolerance = replica_tolerance(parsed.records)
    shown = "no replicas among the records, so no tolerance" if tolerance is None else f"tolerance {tolerance:.2e}"
    print(f"{MEASURE}; {shown}", flush=True)
    paths = [path for name in parsed.what for path in _records(name, parsed)]
    with tempfile.TemporaryDirectory(prefix="compare.") as scratch:
        verdicts = [_compare(path, parsed, tolerance, scratch=Path(scratch)) for path in paths]
    return 1 if "different" in verdicts else 0


def _records(name: str, parsed: argparse.Namespace) -> list[Path]:
    """The records to run again: of a run, or of `--cells` runs spread evenly over a study's, outdated ones apart."""
    root: Path = parsed.records
    if record_paths(root, name):
        return record_paths(root, name)[:1]
    plans = [path for path in (root / name / "plan.json", plan_path(root, name)) if path.is_file()]
    if not plans:
        raise UserError(f"{name}: neither a study nor a run with a record in {root}: see {root}/*/plan.json")
    ids = dict.fromkeys(run.run_id for run in read_plan(plans[0]).runs if run.phase == 2)
    finished = [record_paths(root, run_id)[0] for run_id in ids if record_paths(root, run_id)]
    scored = [path for path in finished if read_record(path).per_query and not is_outdated(read_record(path))]
    if not scored:
        raise UserError(f"{name}: no run with scores that is not outdated in {root}: run it, or renew it, first")
    at = np.unique(np.linspace(0, len(scored) - 1, min(parsed.cells, len(scored))).round().astype(int))
    return [scored[i] for i in at]


def _compare(path: Path, parsed: argparse.Namespace, tolerance: float | None, *, scratch: Path) -> str:
    record = read_record(path)
    before = scores_of(record, path)
    if is_outdated(record):
        print(f"run {record.run_id}: outdated, so its numbers meant something else: run it anew", flush=True)
        return "different"
    after = _run_again(record, parsed, scratch)
    differences = [difference(task, before[task], after[task]) for task in before]
    for one in differences:
        print(
            f"run {record.run_id}  {one.task}  {one.verdict(tolerance)}: {one.before:.4f} -> {one.after:.4f}, "
            f"{one.differing} of {one.queries} queries differ, the most by {one.largest:.2e}",
            flush=True,
        )
    for name, elsewhere in record.inputs.items():
        print(f"run {record.run_id}  its {name} was made in another environment than the rest: {elsewhere}", flush=True)
    worst = max(differences, key=lambda one: ORDER.index(one.verdict(tolerance)))
    return worst.verdict(tolerance)


ORDER = ("identical", "within the tolerance", "different")


def _run_again(record: RunRecord, parsed: argparse.Namespace, scratch: Path) -> Scores:
    from experiments import pipeline

    execution = Execution(
        store=scratch / "store",
        output=scratch / "run",
        device=parsed.device,
        threads=parsed.threads or int(record.environment.get("threads", 1)),
        beir_home=beir_home(),
        data_paths=named_folders(parsed.data_path),
        progress=False,
    )
    again = pipeline.run(record.run_config(), execution)
    (path,) = record_paths(execution.store, again.run_id)
    return scores_of(again, path)


def scores_of(record: RunRecord, path: Path) -> Scores:
    """Every task's nDCG@10, (Q,) float64. Raises UserError where the scores are not the record's own."""
    frame = read_scores(record, path)
    if frame is None:
        raise UserError(f"run {record.run_id} stopped after mining, so it has no scores to compare: name another")
    return {str(task): part[MEASURE].to_numpy(dtype=np.float64) for task, part in frame.groupby("task")}


def difference(task: str, before: npt.NDArray[np.float64], after: npt.NDArray[np.float64]) -> Difference:
    """Two results query by query. Raises UserError where they have other queries."""
    if len(before) != len(after):
        raise UserError(f"{task}: {len(before)} queries then, {len(after)} now: the collection has changed")
    apart = np.abs(after - before)
    return Difference(
        task=task,
        before=float(before.mean()),
        after=float(after.mean()),
        queries=len(before),
        differing=int(np.count_nonzero(apart)),
        largest=float(apart.max(initial=0.0)),
    )


def replica_tolerance(root: Path) -> float | None:
    """The most that the means of one run differ between environments, over all replicas in `root`; None without any."""
    found: list[float] = []
    for folder in sorted((root / "records").glob("*")):
        replicas = [
            scores_of(record, path)
            for path, record in find_records([root], folder.name)
            if record.per_query and not is_outdated(record)
        ]
        for one, other in combinations(replicas, 2):
            found += [difference(task, one[task], other[task]).of_means for task in one if task in other]
    return max(found, default=None)


if __name__ == "__main__":
    sys.exit(main())

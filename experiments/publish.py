"""`python -m experiments.publish STUDY`: copy a study's finished records and per-query scores into results/.

A run that two studies share has one record. Publishing again writes the same bytes; an incomplete study publishes what
is whole and says what is missing.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from experiments.entry import Parser, check_writable, guarded
from experiments.errors import UserError
from experiments.files import write_text
from experiments.records.folder import per_query_path, record_paths
from experiments.records.schema import MEASURES, PER_QUERY_COLUMNS
from experiments.studies.plan import PlannedRun, plan_path, read_plan

if TYPE_CHECKING:
    import pandas as pd

KEYS = ("run_id", "task", "query_id")


@dataclass(frozen=True)
class Published:
    """How many runs were copied, and the runs of the plan that have no record."""

    copied: int
    missing: tuple[PlannedRun, ...]


def main(argv: Sequence[str] | None = None) -> int:
    """Publish one study. Exit code 0 when it is whole, 1 when runs are missing, 2 for a mistake."""
    return guarded(lambda: _command(argv))


def _command(argv: Sequence[str] | None) -> int:
    parser = Parser(prog="python -m experiments.publish", description=__doc__)
    parser.add_argument("study")
    parser.add_argument("--store", type=Path, default=Path("outputs/store"), help="default: outputs/store")
    parser.add_argument("--results", type=Path, default=Path("results"), help="default: results")
    arguments = parser.parse_args(argv)
    published = publish(arguments.study, store=arguments.store, results=arguments.results)
    print(f"published {published.copied} runs of {arguments.study} to {arguments.results / arguments.study}")
    for row in published.missing:
        print(f"  missing: {row.block} / {row.arm} / seed {row.seed} (phase {row.phase})  {row.run_id}")
    if published.missing:
        print(f"{len(published.missing)} are missing: python -m experiments.run -m study={arguments.study}")
    return 1 if published.missing else 0


def publish(study: str, *, store: Path, results: Path) -> Published:
    """Copy what is whole. Raises UserError when the study never started in this store."""
    path = plan_path(store, study)
    if not path.is_file():
        raise UserError(
            f"study {study} has no plan in {store}: run it first (python -m experiments.run -m study={study})"
        )
    plan = read_plan(path)
    check_writable("--results", results)
    found = {run.run_id: paths for run in plan.runs if (paths := record_paths(store, run.run_id))}
    for run_id, paths in found.items():
        for record in paths:
            _copy(record, results / "records" / run_id / record.name)
    _copy(path, results / study / "plan.json")
    _write_scores({run_id: per_query_path(paths[0]) for run_id, paths in found.items()}, results / study)
    return Published(len(found), tuple(run for run in plan.runs if run.run_id not in found))


def _copy(source: Path, target: Path) -> None:
    text = source.read_text(encoding="utf-8")
    if not target.is_file() or target.read_text(encoding="utf-8") != text:
        write_text(target, text)


def _write_scores(paths: dict[str, Path], folder: Path) -> None:
    """`per_query.parquet`: run_id and the per-query columns of every run that has scores, sorted."""
    import pandas as pd

    frames = [pd.read_parquet(path).assign(run_id=run_id) for run_id, path in paths.items() if path.is_file()]
    if not frames:
        return
    columns = ["run_id", *PER_QUERY_COLUMNS]
    scores = pd.concat(frames, ignore_index=True)[columns].sort_values(list(KEYS), kind="stable", ignore_index=True)
    write_scores(scores, folder / "per_query.parquet")


def write_scores(scores: pd.DataFrame, path: Path) -> None:
    """Dictionary strings and float64 measures, without pandas' own metadata, so that equal scores are equal bytes."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    text = pa.dictionary(pa.int32(), pa.string())
    schema = pa.schema([(name, text) for name in KEYS] + [(name, pa.float64()) for name in MEASURES])
    table = pa.Table.from_pandas(scores, schema=schema, preserve_index=False).replace_schema_metadata(None)
    scratch = path.with_name(f".{path.name}")
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, scratch, compression="zstd", store_schema=False)
    if path.is_file() and path.read_bytes() == scratch.read_bytes():
        scratch.unlink()
    else:
        scratch.replace(path)


if __name__ == "__main__":
    sys.exit(main())

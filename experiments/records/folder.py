"""Where finished and failed runs are kept inside the artifact store.

``<root>/records/<run_id>/<environment digest>.json`` with its per-query parquet beside it, and
``<root>/failures/<run_id>.json``.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from experiments.files import write_json, write_text
from experiments.records.schema import PER_QUERY_COLUMNS, RunRecord, dump_record, parse_record

UNFINISHED = "started, but did not finish: killed, or still running"
"""The cause that stands in a run's failure note from its start on, until it finishes or fails with another."""


@dataclass(frozen=True)
class Failure:
    """Why a run did not finish: one line, and the log that holds the rest."""

    run_id: str
    cause: str
    log: str

    @property
    def started(self) -> bool:
        """Whether the run has not told its end: it may still be running."""
        return self.cause == UNFINISHED


def record_paths(root: Path, run_id: str) -> list[Path]:
    """The records of one run, one per environment, the newest first."""
    found = (root / "records" / run_id).glob("*.json")
    return sorted(found, key=lambda path: (-path.stat().st_mtime_ns, path.name))


def find_record(root: Path, run_id: str) -> RunRecord | None:
    """The newest record of a run, or None: a run is done iff this is not None."""
    paths = record_paths(root, run_id)
    return parse_record(paths[0].read_text(encoding="utf-8"), source=paths[0]) if paths else None


def per_query_path(record_path: Path) -> Path:
    """The per-query scores that belong to a record."""
    return record_path.with_suffix(".parquet")


def write_record(root: Path, record: RunRecord, per_query: pd.DataFrame | None) -> Path:
    """Write the per-query scores, then the record that declares the run done; forget an earlier failure."""
    path = root / "records" / record.run_id / f"{record.environment_digest}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    if per_query is not None:
        per_query[list(PER_QUERY_COLUMNS)].to_parquet(per_query_path(path), index=False)
    write_text(path, dump_record(record))
    failure_path(root, record.run_id).unlink(missing_ok=True)
    return path


def failure_path(root: Path, run_id: str) -> Path:
    """Where the last failure of a run is kept."""
    return root / "failures" / f"{run_id}.json"


def write_failure(root: Path, run_id: str, *, cause: str, log: str) -> None:
    """Keep why a run failed; finishing it later removes the note."""
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    write_json(failure_path(root, run_id), {"run_id": run_id, "cause": cause, "log": log, "time": at})


def find_failure(root: Path, run_id: str) -> Failure | None:
    """The last failure of a run that has not finished since, or None."""
    path = failure_path(root, run_id)
    if not path.is_file():
        return None
    data = json.loads(path.read_text(encoding="utf-8"))
    return Failure(run_id=data["run_id"], cause=data["cause"], log=data["log"])

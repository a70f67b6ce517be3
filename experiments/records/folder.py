"""Where finished and failed runs are kept: in an artifact store, or in a folder of published records.

``<root>/records/<run_id>/<environment digest>.json`` with its per-query scores beside it, and in a store
``<root>/failures/<run_id>.json``.
"""

from __future__ import annotations

import functools
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from experiments.errors import UserError
from experiments.files import write_bytes, write_json, write_text
from experiments.records.schema import PER_QUERY_COLUMNS, RunRecord, dump_record, parse_record
from experiments.records.scores import scores_path
from experiments.redaction import redacted
from experiments.versions import STAGES

if TYPE_CHECKING:
    import pandas as pd

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


def record_path(root: Path, record: RunRecord) -> Path:
    """Where a record lies."""
    return root / "records" / record.run_id / f"{record.environment_digest}.json"


def record_paths(root: Path, run_id: str) -> list[Path]:
    """The records of one run, one per environment, the newest first."""
    found = (root / "records" / run_id).glob("*.json")
    return sorted(found, key=lambda path: (-path.stat().st_mtime_ns, path.name))


def find_records(roots: Sequence[Path], run_id: str) -> Iterator[tuple[Path, RunRecord]]:
    """Every record of a run with its path, in the order of `roots`, the newest of each first."""
    for root in roots:
        yield from ((path, read_record(path)) for path in record_paths(root, run_id))


def find_record(roots: Sequence[Path], run_id: str) -> RunRecord | None:
    """The first record of a run that is not outdated, or None: a run is done iff this is not None."""
    return next((record for _, record in find_records(roots, run_id) if not is_outdated(record)), None)


def find_outdated(roots: Sequence[Path], run_id: str) -> tuple[Path, RunRecord] | None:
    """The first outdated record of a run and its path, or None."""
    return next((found for found in find_records(roots, run_id) if is_outdated(found[1])), None)


def is_outdated(record: RunRecord) -> bool:
    """Whether a stage that the run used has had its numbers' meaning changed since."""
    used = record.stages
    return any(record.versions.get(stage.name, 1) < stage.version for stage in STAGES if stage.name in used)


def read_record(path: Path) -> RunRecord:
    """One record. Raises UserError naming the file for what is no record, or an edited one."""
    stat = path.stat()
    return _read_record(path, stat.st_mtime_ns, stat.st_size)


@functools.lru_cache(maxsize=4096)
def _read_record(path: Path, _mtime_ns: int, _size: int) -> RunRecord:
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8 (byte {error.start}): remove the file and run again") from error
    return parse_record(text, source=path)


def write_record(root: Path, record: RunRecord, per_query: pd.DataFrame | None) -> Path:
    """Write the per-query scores, then the sealed record that declares the run done; forget an earlier failure."""
    sealed = record.sealed()
    path = record_path(root, record)
    if per_query is not None:
        write_bytes(scores_path(path), per_query[list(PER_QUERY_COLUMNS)].to_parquet(None, index=False))
    write_text(path, dump_record(sealed))
    failure_path(root, record.run_id).unlink(missing_ok=True)
    return path


def failure_path(root: Path, run_id: str) -> Path:
    """Where the last failure of a run is kept."""
    return root / "failures" / f"{run_id}.json"


def write_failure(root: Path, run_id: str, *, cause: str, log: str) -> None:
    """Keep why a run failed, without keys that a message may repeat; finishing it later removes the note."""
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    write_json(failure_path(root, run_id), {"run_id": run_id, "cause": redacted(cause), "log": log, "time": at})


def find_failure(root: Path, run_id: str) -> Failure | None:
    """The last failure of a run that has not finished since, or None."""
    path = failure_path(root, run_id)
    if not path.is_file():
        return None
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        return Failure(run_id=data["run_id"], cause=data["cause"], log=data["log"])
    except (ValueError, KeyError, TypeError):
        return Failure(run_id=run_id, cause=f"its failure note cannot be read: {path}", log="")

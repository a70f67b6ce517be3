"""Per-query scores beside a record: whole in a store, without the query ids in a published folder.

A published run holds its measures only, in the order of the sorted query ids; the ids of a task stand once, for all
runs that were measured on the same content, under ``<root>/queries/``. Ids such as SQuAD's are random hex digits, which
no compression makes smaller: stored with every run they would be most of the file.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

from experiments.errors import UserError, first_line
from experiments.files import write_bytes
from experiments.identity import digest
from experiments.records.schema import MEASURES, PER_QUERY_COLUMNS, RunRecord, per_query_digest

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

TOLERANCE = 1e-6
"""How far a record's mean may lie from the mean of its per-query scores: both are float64 of one evaluation."""


def scores_path(record_path: Path) -> Path:
    """The per-query scores that belong to a record."""
    return record_path.with_suffix(".parquet")


def queries_path(root: Path, content_hash: str) -> Path:
    """Where the query ids of a task with this content stand."""
    return root / "queries" / f"{digest(content_hash)}.parquet"


def read_scores(record: RunRecord, record_path: Path) -> pd.DataFrame | None:
    """PER_QUERY_COLUMNS of a run, sorted by task and query; None for a run that has none.

    Raises UserError where they are missing, unreadable, or not those that the record was made from.
    """
    if not record.per_query:
        return None
    frame = _read(record, record_path)
    if per_query_digest(frame) != record.per_query:
        raise UserError(f"{scores_path(record_path)}: not the scores that its record names: {_mend(record)}")
    _check_means(record, frame, record_path)
    return frame


def _read(record: RunRecord, record_path: Path) -> pd.DataFrame:
    import pandas as pd
    import pyarrow as pa

    path = scores_path(record_path)
    if not path.is_file():
        raise UserError(f"{path} is missing: {_mend(record)}")
    try:
        frame = pd.read_parquet(path).astype({"task": "str"})
        if "query_id" not in frame.columns:
            frame = _with_ids(record, frame, root=record_path.parents[2])
        columns = frame[list(PER_QUERY_COLUMNS)].astype({"query_id": "str"})
    except (pa.ArrowException, OSError, KeyError, ValueError) as error:
        raise UserError(f"{path} cannot be read ({first_line(error)}): {_mend(record)}") from error
    return columns.sort_values(["task", "query_id"], kind="stable", ignore_index=True)


def _with_ids(record: RunRecord, frame: pd.DataFrame, *, root: Path) -> pd.DataFrame:
    import pandas as pd

    parts = []
    for task, part in frame.groupby("task", sort=True, observed=True):
        ids = pd.read_parquet(queries_path(root, record.tasks[str(task)].content_hash))["query_id"].astype("str")
        parts.append(part.reset_index(drop=True).assign(query_id=ids.to_numpy()))
    return pd.concat(parts, ignore_index=True)


def _mend(record: RunRecord) -> str:
    return f"remove the record of run {record.run_id} and run it again"


def _check_means(record: RunRecord, frame: pd.DataFrame, record_path: Path) -> None:
    """Every task has scores, and their means are the record's own."""
    means = {str(task): part[list(MEASURES)].mean().to_dict() for task, part in frame.groupby("task", observed=True)}
    for task, facts in record.tasks.items():
        if task not in means:
            raise UserError(f"{scores_path(record_path)}: no scores on {task}: {_mend(record)}")
        for measure, value in facts.measures.items():
            if measure in MEASURES and abs(means[task][measure] - value) > TOLERANCE:
                raise UserError(f"{record_path}: {task} {measure} is not the mean of its scores: {_mend(record)}")


def write_published(scores: pd.DataFrame, record: RunRecord, target: Path, *, root: Path) -> None:
    """Write a run's measures to `target`, and the query ids of its tasks under `root` where they are new.

    Equal scores are equal bytes. Raises UserError where a task's content is known with other queries.
    """
    import pyarrow as pa

    ordered = scores.sort_values(["task", "query_id"], kind="stable", ignore_index=True)
    for task, part in ordered.groupby("task", sort=True, observed=True):
        ids = pa.table({"query_id": pa.array(part["query_id"].astype("str").to_list(), pa.string())})
        path = queries_path(root, record.tasks[str(task)].content_hash)
        if path.is_file() and _table(path) != ids:
            raise UserError(f"{path}: run {record.run_id} scored other queries of {task}: publish to another folder")
        write_table(ids, path)
    fields = [("task", pa.dictionary(pa.int32(), pa.string())), *((name, pa.float64()) for name in MEASURES)]
    table = pa.Table.from_pandas(ordered, schema=pa.schema(fields), preserve_index=False)
    write_table(table.replace_schema_metadata(None), target)


def _table(path: Path) -> pa.Table:
    import pyarrow.parquet as pq

    return pq.read_table(path)


def write_table(table: pa.Table, path: Path) -> None:
    """Written whole or not at all; a file that holds the very same bytes is left alone. Raises StorageError."""
    import pyarrow.parquet as pq

    held = io.BytesIO()
    pq.write_table(table, held, compression="zstd", store_schema=False)
    if not path.is_file() or path.read_bytes() != held.getvalue():
        write_bytes(path, held.getvalue())

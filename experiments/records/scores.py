"""Per-query scores beside a record: whole in a store, without the query ids in a published folder.

A published run holds its measures only, in the order of the sorted query ids; the ids of a task stand once, for all
runs that were measured on the same content, under ``<root>/queries/``. Ids such as SQuAD's are random hex digits, which
no compression makes smaller: stored with every run they would be most of the file.
"""

from __future__ import annotations

import functools
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from experiments.contents import FileState, file_state
from experiments.errors import UserError, first_line
from experiments.files import write_bytes
from experiments.identity import digest
from experiments.records.per_query import QueryScores, csv_digest, sorted_scores
from experiments.records.schema import MEASURES, PER_QUERY_COLUMNS, RunRecord

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
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
    """`read_query_scores` as a table of PER_QUERY_COLUMNS, sorted by task and query; None for a run that has none."""
    import numpy as np
    import pandas as pd

    if not record.per_query:
        return None
    scores = read_query_scores(record, record_path)
    tasks = [task for task, part in scores.items() for _ in part.ids]
    texts = {"task": tasks, "query_id": [query for part in scores.values() for query in part.ids]}
    values = np.concatenate([part.values for part in scores.values()]) if scores else np.empty((0, len(MEASURES)))
    measures = {name: values[:, at].copy() for at, name in enumerate(MEASURES)}
    return pd.DataFrame({**{name: pd.array(text, dtype="str") for name, text in texts.items()}, **measures})


def read_query_scores(record: RunRecord, record_path: Path) -> dict[str, QueryScores]:
    """Task -> its scores, measures in the order of MEASURES, tasks sorted; none for a run that was not evaluated.

    Raises UserError where they are missing, unreadable, or not those that the record was made from.
    """
    if not record.per_query:
        return {}
    scores = _read(record, record_path)
    if csv_digest(scores, PER_QUERY_COLUMNS) != record.per_query:
        raise UserError(f"{scores_path(record_path)}: not the scores that its record names: {_mend(record)}")
    _check_means(record, scores, record_path)
    return scores


def _read(record: RunRecord, record_path: Path) -> dict[str, QueryScores]:
    import pyarrow as pa

    path = scores_path(record_path)
    if not path.is_file():
        raise UserError(f"{path} is missing: {_mend(record)}")
    try:
        return _parts(_table(path), record, root=record_path.parents[2])
    except (pa.ArrowException, OSError, KeyError, ValueError) as error:
        raise UserError(f"{path} cannot be read ({first_line(error)}): {_mend(record)}") from error


def _parts(table: pa.Table, record: RunRecord, *, root: Path) -> dict[str, QueryScores]:
    """Of a table that holds query ids, or else with those of the content, in whose order the rows of a task stand."""
    import numpy as np

    values = np.column_stack([_numbers(table[name].combine_chunks()).astype(np.float64) for name in MEASURES])
    own = _texts(table, "query_id") if "query_id" in table.column_names else None
    found = {}
    for task, rows in _rows_by_task(table):
        if own is None:
            ids: Sequence[str] = _query_ids(queries_path(root, record.tasks[task].content_hash))
        else:
            ids = [own[row] for row in rows]
        if len(ids) != len(rows):
            raise ValueError(f"{len(rows)} scores on {task}, which has {len(ids)} queries")
        found[task] = sorted_scores(ids, values[rows])
    return found


def _rows_by_task(table: pa.Table) -> list[tuple[str, npt.NDArray[np.intp]]]:
    """(task, its rows in the order of the table), sorted by task."""
    import numpy as np
    import pyarrow as pa

    encoded = table["task"].cast(pa.string()).combine_chunks().dictionary_encode()
    codes, names = _numbers(encoded.indices), encoded.dictionary.to_pylist()
    return sorted((name, np.flatnonzero(codes == code)) for code, name in enumerate(names))


def _numbers(column: pa.Array) -> npt.NDArray[Any]:
    """Missing ones as NaN. Without any, `to_numpy` would do the same, but it imports pandas."""
    import numpy as np

    return np.from_dlpack(column) if not column.null_count else column.to_numpy(zero_copy_only=False)


def _texts(table: pa.Table, name: str) -> list[str]:
    """A column as text, whatever it is held as."""
    import pyarrow as pa

    texts: list[str] = table[name].cast(pa.string()).to_pylist()
    return texts


def _query_ids(path: Path) -> tuple[str, ...]:
    """The query ids of a content; a file that did not change is read once in a process."""
    state = file_state(path)
    return _known_ids(state) if state.settled else _read_ids(path)


@functools.lru_cache(maxsize=64)
def _known_ids(state: FileState) -> tuple[str, ...]:
    return _read_ids(state.path)


def _read_ids(path: Path) -> tuple[str, ...]:
    return tuple(_texts(_table(path), "query_id"))


def _mend(record: RunRecord) -> str:
    return f"remove the record of run {record.run_id} and run it again"


def _check_means(record: RunRecord, scores: Mapping[str, QueryScores], record_path: Path) -> None:
    """Every task has scores, and their means are the record's own."""
    import numpy as np

    for task, facts in record.tasks.items():
        if task not in scores:
            raise UserError(f"{scores_path(record_path)}: no scores on {task}: {_mend(record)}")
        means = dict(zip(MEASURES, np.nanmean(scores[task].values, axis=0), strict=True))
        for measure, value in facts.measures.items():
            if measure in MEASURES and abs(means[measure] - value) > TOLERANCE:
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

    with pq.ParquetFile(path) as file:  # read_table makes a data set of the one file, twice the time
        return file.read(use_threads=False)


def write_table(table: pa.Table, path: Path) -> None:
    """Written whole or not at all; a file that holds the very same bytes is left alone. Raises StorageError."""
    import pyarrow.parquet as pq

    held = io.BytesIO()
    pq.write_table(table, held, compression="zstd", store_schema=False)
    if not path.is_file() or path.read_bytes() != held.getvalue():
        write_bytes(path, held.getvalue())

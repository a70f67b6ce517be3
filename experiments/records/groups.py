"""Which queries of an evaluated collection belong together: `groups/<content hash>.parquet` beside the records.

Queries written from one article or one source file are not independent of each other; their groups let an interval
allow for it. One file per evaluated content (`content_hash` of `TaskScores`), a row per query; a query that belongs to
no other has a group of its own. Records and per-query digests know nothing of it.
"""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from experiments.errors import UserError
from experiments.files import write_bytes

if TYPE_CHECKING:
    import pyarrow as pa

GROUP_COLUMNS = ("query_id", "group")


def groups_path(root: Path, content_hash: str) -> Path:
    """Where the groups of an evaluated content lie in a results folder or a store; ":" and "/" become "_"."""
    return root / "groups" / f"{re.sub(r'[^A-Za-z0-9._-]', '_', content_hash)}.parquet"


def group_table(query_ids: Sequence[str], groups: Sequence[str]) -> pa.Table:
    """Two string columns sorted by query, no metadata: equal groups are equal tables whatever the order.

    Raises ValueError where the lengths differ, a query comes twice, or a query or group has an empty name.
    """
    import pyarrow as pa

    _check(query_ids, groups)
    rows = sorted(zip(query_ids, groups, strict=True))
    columns = [pa.array([row[at] for row in rows], pa.string()) for at in range(len(GROUP_COLUMNS))]
    return pa.table(dict(zip(GROUP_COLUMNS, columns, strict=True)))


def _check(query_ids: Sequence[str], groups: Sequence[str]) -> None:
    if len(query_ids) != len(groups):
        raise ValueError(f"{len(query_ids)} queries with {len(groups)} groups")
    twice = [query for query, count in Counter(query_ids).items() if count > 1]
    if twice:
        raise ValueError(f"query {twice[0]!r} has {query_ids.count(twice[0])} groups")
    if not all(query_ids) or not all(groups):
        raise ValueError("a query or a group without a name")


def write_groups(path: Path, query_ids: Sequence[str], groups: Sequence[str]) -> None:
    """Write `group_table` as parquet, whole or not at all; a file that holds these bytes is left alone."""
    import pyarrow.parquet as pq

    held = io.BytesIO()
    pq.write_table(group_table(query_ids, groups), held, compression="zstd", store_schema=False)
    if path.is_file() and path.read_bytes() == held.getvalue():
        return
    write_bytes(path, held.getvalue())


def read_groups(path: Path) -> dict[str, str]:
    """Query id -> group. Raises UserError naming the file for what is no such table."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:  # read_table makes a data set of the one file, and imports pandas
            table = file.read(use_threads=False)
    except (pa.ArrowException, OSError) as error:
        cause = " ".join(str(error).split())
        raise UserError(f"{path}: no parquet file ({cause}): remove it, or publish the study again") from error
    missing = [name for name in GROUP_COLUMNS if name not in table.column_names]
    if missing:
        raise UserError(f"{path}: no column {missing[0]}: remove it, or publish the study again")
    queries, groups = (table.column(name).cast(pa.string()).to_pylist() for name in GROUP_COLUMNS)
    try:
        _check(queries, groups)
    except ValueError as error:
        raise UserError(f"{path}: {error}: remove it, or publish the study again") from error
    return dict(zip(queries, groups, strict=True))

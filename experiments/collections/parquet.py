"""Reads the rows of a parquet file, some thousand at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from experiments.collections.lines import NumberedRow
from experiments.errors import UserError, first_line

ROWS_AT_ONCE = 2000


def parquet_columns(path: Path) -> tuple[str, ...]:
    """The names of its columns. Raises UserError for a file that is no parquet."""
    import pyarrow.parquet as pq
    from pyarrow.lib import ArrowException

    try:
        with pq.ParquetFile(path) as file:
            return tuple(file.schema_arrow.names)
    except ArrowException as error:
        raise UserError(f"{path}: cannot be read as parquet ({first_line(error)[:120]}): write it again") from None


def parquet_rows(path: Path, columns: Sequence[str] | None = None) -> Iterator[NumberedRow]:
    """(row number from 1, its values). columns: those to read, None = all. Raises UserError for a file that is none."""
    import pyarrow.parquet as pq
    from pyarrow.lib import ArrowException

    number = 0
    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=ROWS_AT_ONCE, columns=None if columns is None else list(columns)):
                for row in batch.to_pylist():
                    number += 1
                    yield number, row
    except ArrowException as error:
        raise UserError(f"{path}: cannot be read as parquet ({first_line(error)[:120]}): write it again") from None

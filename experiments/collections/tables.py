"""Reads tables row by row: csv, tsv, jsonl, parquet (each but parquet also gzip), and Hugging Face data sets."""

from __future__ import annotations

import csv
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from experiments.collections.lines import NumberedRow, decoded, json_rows
from experiments.collections.parquet import ROWS_AT_ONCE, parquet_columns, parquet_rows
from experiments.errors import UserError

ENDINGS = (".csv", ".tsv", ".jsonl", ".json", ".parquet")
DELIMITERS = ",;\t|"


@dataclass(frozen=True)
class Table:
    """Rows that are read when they are asked for: `rows(columns)` gives (place from 1, values).

    path: what messages call it.
    """

    path: Path
    columns: tuple[str, ...]
    rows: Callable[[Sequence[str]], Iterator[NumberedRow]]


def is_table(path: Path) -> bool:
    """Whether a file's name says that it is a table."""
    return _ending(path) in ENDINGS


def open_table(path: Path) -> Table:
    """A file as a table. Raises UserError for a kind that is not read, and for a file without rows or columns."""
    match _ending(path):
        case ".csv" | ".tsv":
            delimiter, columns = _header(path)
            return Table(path, columns, lambda _: _csv_rows(path, delimiter, columns))
        case ".jsonl" | ".json":
            first = next(json_rows(path), None)
            if first is None:
                raise UserError(f"{path} holds no rows: write one JSON object a line")
            return Table(path, tuple(first[1]), lambda _: json_rows(path))
        case ".parquet":
            return Table(path, parquet_columns(path), lambda columns: parquet_rows(path, columns))
    raise UserError(f"{path}: tables end in {', '.join(ENDINGS)} (or .gz of the first four): rename or convert it")


def dataset_table(path: Path, data: Any) -> Table:
    """A `datasets.Dataset` as a table. path: what messages call it."""

    def rows(columns: Sequence[str]) -> Iterator[NumberedRow]:
        batches = data.select_columns(list(columns)).with_format("arrow").iter(batch_size=ROWS_AT_ONCE)
        return enumerate(itertools.chain.from_iterable(batch.to_pylist() for batch in batches), start=1)

    return Table(path, tuple(data.column_names), rows)


def _ending(path: Path) -> str:
    return Path(path.name.removesuffix(".gz")).suffix.lower()


def _header(path: Path) -> tuple[str, tuple[str, ...]]:
    """The delimiter (tab, or what the header has most of), and the names of the columns."""
    first = next((text for _, text in decoded(path)), "")
    if not first.strip():
        raise UserError(f"{path}:1: the first line is blank: it must name the columns")
    delimiter = "\t" if _ending(path) == ".tsv" else max(DELIMITERS, key=first.count)
    columns = tuple(name.strip() for name in next(csv.reader([first], delimiter=delimiter)))
    twice = next((name for name in columns if columns.count(name) > 1), None)
    if twice is not None:
        raise UserError(f"{path}:1: two columns are called {twice!r}: columns must differ")
    return delimiter, columns


def _csv_rows(path: Path, delimiter: str, columns: tuple[str, ...]) -> Iterator[NumberedRow]:
    csv.field_size_limit(2**30)  # passages may be longer than the 128 KiB that a cell has room for by default
    reader = csv.reader((text for _, text in decoded(path)), delimiter=delimiter, strict=True)
    try:
        next(reader)
        for cells in reader:
            if not any(cells):
                continue
            if len(cells) != len(columns):
                raise UserError(
                    f"{path}:{reader.line_num}: {len(cells)} cells for {len(columns)} columns: put a cell that holds "
                    f"{delimiter!r} or a line break in double quotes, or write jsonl"
                )
            yield reader.line_num, dict(zip(columns, cells, strict=True))
    except csv.Error as error:
        raise UserError(
            f"{path}:{reader.line_num}: cannot be read as csv ({error}): inside a quoted cell write a quote twice, "
            "or write jsonl"
        ) from None

"""The formats by name: each fills a folder with mined rows, and tells what stands in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from experiments.config import BaseStudent
from experiments.errors import UserError
from experiments.exporting.beir import NEGATIVES, write_beir
from experiments.exporting.flagembedding import FILE, lines, places
from experiments.exporting.negatives import TYPES, Columns, as_rows, negative_columns, write_lines
from experiments.exporting.tables import TABLES, Table
from experiments.stages.finished import Finished

FileKind = Literal["jsonl", "parquet"]
FORMATS = (*TABLES, "flagembedding", "beir")


@dataclass(frozen=True)
class Written:
    """rows: of the main file. columns: its columns in order. files: what stands in the folder -> what it is."""

    rows: int
    columns: tuple[str, ...]
    files: Mapping[str, str]
    load: str
    notes: tuple[str, ...] = ()


def check_options(name: str, *, file: str | None, scores: bool) -> None:
    """Raises UserError for an option that the format does not have."""
    if name in TABLES:
        return
    if file is not None:
        raise UserError(f"--file {file}: {name} has files of its own: leave it out")
    if scores:
        raise UserError(f"--scores: {name} has the scores already: leave it out")


def write_format(
    folder: Path, name: str, found: Finished, *, file: FileKind | None, scores: bool, base: BaseStudent
) -> Written:
    """Fill an empty folder. base: the student's base model, for its prompt. Raises UserError, OSError."""
    if not len(found.negatives):
        raise UserError(f"run {found.record.run_id} kept no training row: there is nothing to export")
    if name in TABLES:
        return _write_table(folder, TABLES[name](found, scores=scores), found, file)
    if name == "flagembedding":
        return _write_flagembedding(folder, found, base)
    row, slot = (np.asarray(values) for values in places(found))
    notes = write_beir(folder, found, negative_columns(found, row=row, slot=slot))
    files = {
        "corpus.jsonl": "every document",
        "queries.jsonl": "the queries of every split",
        "qrels/": "train.tsv holds the shown positives, score 1; the other splits are the collection's",
        NEGATIVES: "one line for each mined negative",
    }
    load = "python -m experiments.run data=beir data.path=FOLDER data.positives=all"
    return Written(len(found.negatives), ("query-id", "corpus-id", "score"), files, load, notes)


def _write_table(folder: Path, table: Table, found: Finished, file: FileKind | None) -> Written:
    beside = negative_columns(found, row=table.row, slot=table.slot)
    columns = tuple(table.columns)
    if file is None:
        _dataset(folder, table.columns)
        _parquet(folder / "negatives.parquet", beside)
        files = {"*.arrow, *.json": "the table, as `datasets` saves it", "negatives.parquet": "its negatives"}
        load = 'datasets.load_from_disk("FOLDER")'
    else:
        write = {"jsonl": _jsonl, "parquet": _parquet}[file]
        write(folder / f"train.{file}", table.columns)
        write(folder / f"negatives.{file}", beside)
        files = {f"train.{file}": "the table", f"negatives.{file}": "its negatives"}
        kind = "json" if file == "jsonl" else file
        load = f'datasets.load_dataset("{kind}", data_files="FOLDER/train.{file}", split="train")'
    return Written(len(table), columns, files, load, table.notes)


def _write_flagembedding(folder: Path, found: Finished, base: BaseStudent) -> Written:
    written, notes = lines(found, base=base)
    write_lines(folder / FILE, written)
    row, slot = (np.asarray(values) for values in places(found))
    _parquet(folder / "negatives.parquet", negative_columns(found, row=row, slot=slot))
    files = {FILE: "one line a training row", "negatives.parquet": "its negatives"}
    load = f"python -m FlagEmbedding.finetune.embedder.encoder_only.base --train_data FOLDER/{FILE} ..."
    return Written(len(written), tuple(written[0]), files, load, notes)


def _dataset(folder: Path, columns: Columns) -> None:
    import datasets
    from datasets.utils.logging import disable_progress_bar, enable_progress_bar, is_progress_bar_enabled

    shown = is_progress_bar_enabled()
    disable_progress_bar()
    try:
        datasets.Dataset.from_dict(columns).save_to_disk(str(folder))
    finally:
        if shown:
            enable_progress_bar()


def _parquet(path: Path, columns: Columns) -> None:
    import pyarrow
    import pyarrow.parquet

    known = [(name, pyarrow.type_for_alias(TYPES[name])) for name in columns if name in TYPES]
    schema = pyarrow.schema(known) if len(known) == len(columns) else None
    pyarrow.parquet.write_table(pyarrow.table(columns, schema=schema), path)


def _jsonl(path: Path, columns: Columns) -> None:
    write_lines(path, as_rows(columns))

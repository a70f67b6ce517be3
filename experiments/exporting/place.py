"""Which run is meant, and the folder that an export fills: whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from experiments.errors import UserError
from experiments.files import storage_errors
from experiments.records.folder import find_outdated, find_record, find_records
from experiments.records.schema import RunRecord
from experiments.records.scores import read_scores
from experiments.scratch import move_into_place, scratch_folder

if TYPE_CHECKING:
    import pandas as pd

SHOWN = 4
"""Names of runs in a message."""


def named_run(text: str, roots: Sequence[Path]) -> RunRecord:
    """The record of the one run whose name begins with `text`. Raises UserError."""
    record = find_record(roots, full := full_name(text, roots))
    if record is not None:
        return record
    path, _ = find_outdated(roots, full) or (None, None)
    raise UserError(f"{full}: its record {path} is outdated, a later version mines or trains otherwise: run it anew")


def scores_of(record: RunRecord, roots: Sequence[Path]) -> pd.DataFrame | None:
    """The per-query scores of a record that `named_run` found. Raises UserError where they are damaged."""
    paths = (path for path, one in find_records(roots, record.run_id) if one == record)
    path = next(paths, None)
    return None if path is None else read_scores(record, path)


def full_name(text: str, roots: Sequence[Path]) -> str:
    """The run_id that begins with `text`. Raises UserError where none does, or several do."""
    there = sorted({path.parent.name for root in roots for path in (root / "records").glob("*/*.json")})
    found = [text] if text in there else [name for name in there if text and name.startswith(text)]
    places = " or ".join(str(root) for root in roots)
    if not found:
        raise UserError(f"{text!r}: no run of that name has a record in {places}: name a run_id (experiments.status)")
    if len(found) > 1:
        more = ", ..." if len(found) > SHOWN else ""
        raise UserError(
            f"{text!r}: {len(found)} runs begin so ({', '.join(found[:SHOWN])}{more}): give more of the name"
        )
    return found[0]


def check_empty(folder: Path) -> None:
    """Raises UserError for a folder that holds something already, or that is none."""
    if folder.is_dir() and any(folder.iterdir()):
        raise UserError(f"--out {folder}: this folder is not empty: name another, or empty it")
    if folder.exists() and not folder.is_dir():
        raise UserError(f"--out {folder}: this is a file: name a folder")


@contextmanager
def new_folder(final: Path) -> Iterator[Path]:
    """A scratch folder beside `final`, which takes its name when the block is done. Raises UserError, StorageError."""
    check_empty(final)
    whole = final.absolute()
    with storage_errors(whole.parent, elsewhere="name another folder (--out FOLDER)"):
        whole.parent.mkdir(parents=True, exist_ok=True)
        with scratch_folder(whole) as scratch:
            yield scratch
            move_into_place(scratch, whole)

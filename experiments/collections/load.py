"""The edge of the room: a data config becomes a Collection."""

from __future__ import annotations

from pathlib import Path

from experiments.collections.beir import beir_path, load_beir
from experiments.collections.beir_files import folder_hash
from experiments.collections.docstring_source import extraction_key
from experiments.collections.docstrings import load_docstrings
from experiments.config import DataConfig, DocstringsData, Execution
from experiments.ir import Collection


def load_collection(data: DataConfig, *, execution: Execution, cache: Path) -> Collection:
    """The collection of `data`. `cache`: folder that keeps the extracted docstrings. Raises UserError."""
    if isinstance(data, DocstringsData):
        return load_docstrings(data, cache=cache, workers=execution.workers)
    return load_beir(data, execution=execution)


def source_hash(data: DataConfig, *, execution: Execution) -> str:
    """A cheap fingerprint of what `load_collection` would read: pinned versions, or the folder's bytes."""
    if isinstance(data, DocstringsData):
        return extraction_key()
    return folder_hash(beir_path(data.name, execution))

"""The edge of the room: a data config becomes a Collection."""

from __future__ import annotations

from pathlib import Path

from experiments.collections.beir import load_beir
from experiments.collections.docstrings import load_docstrings
from experiments.config import BeirData, DataConfig, DocstringsData
from experiments.execution import Execution
from experiments.ir import Collection


def load_collection(data: DataConfig, *, execution: Execution, cache: Path) -> Collection:
    """The collection of `data`. `cache`: folder that keeps the extracted docstrings. Raises UserError."""
    if isinstance(data, DocstringsData):
        return load_docstrings(data, cache=cache, workers=execution.workers)
    return load_beir(data, execution=execution)


def named_data(name: str) -> DataConfig:
    """What a name in `evaluation.collections` means."""
    return DocstringsData() if name == "docstrings" else BeirData(name=name)

"""The edge of the room: a data config becomes a Collection."""

from __future__ import annotations

from pathlib import Path

from experiments.collections.beir import load_beir
from experiments.collections.carve import without_evaluated
from experiments.collections.docstrings import load_docstrings
from experiments.config import BeirData, DataConfig, DocstringsData, RunConfig
from experiments.execution import Execution
from experiments.ir import Collection


def load_collection(data: DataConfig, *, execution: Execution, cache: Path) -> Collection:
    """The collection of `data`. `cache`: folder that keeps the extracted docstrings. Raises UserError."""
    if isinstance(data, DocstringsData):
        return load_docstrings(data, cache=cache, workers=execution.workers)
    return load_beir(data, execution=execution)


def load_as_trained(config: RunConfig, *, execution: Execution, cache: Path) -> Collection:
    """The collection a run trains on: without the queries of any other collection that it is measured on."""
    own = load_collection(config.data, execution=execution, cache=cache)
    if config.until != "evaluate":
        return own
    names = [name for name in config.evaluation.collections if name != own.name]
    others = [load_collection(named_data(name), execution=execution, cache=cache) for name in names]
    return without_evaluated(own, config.data, [other.splits["test"].queries for other in others])


def named_data(name: str) -> DataConfig:
    """What a name in `evaluation.collections` means."""
    return DocstringsData() if name == "docstrings" else BeirData(name=name)

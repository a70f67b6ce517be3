"""Makes the collection that a data config describes: a reader, then what every reader's collection goes through."""

from __future__ import annotations

from pathlib import Path

from experiments.collections.beir import read_beir
from experiments.collections.carve import carve, without_evaluated
from experiments.collections.docstrings import read_docstrings
from experiments.collections.raw import RawCollection
from experiments.config import BeirData, DataConfig, DocstringsData, RunConfig
from experiments.execution import Execution
from experiments.ir import Collection


def load_collection(data: DataConfig, *, execution: Execution, cache: Path) -> Collection:
    """The collection of `data`. `cache`: folder that keeps the extracted docstrings. Raises UserError."""
    return carve(_read(data, execution=execution, cache=cache), data)


def _read(data: DataConfig, *, execution: Execution, cache: Path) -> RawCollection:
    if isinstance(data, DocstringsData):
        return read_docstrings(data, cache=cache, workers=execution.workers)
    return read_beir(data, execution=execution)


def load_as_trained(config: RunConfig, *, execution: Execution, cache: Path) -> Collection:
    """The collection a run trains on: without the queries of any other collection that it is measured on."""
    own = load_collection(config.data, execution=execution, cache=cache)
    if config.until != "evaluate":
        return own
    names = [name for name in config.evaluation.collections if name != own.name]
    others = [load_collection(named_data(name, config.data), execution=execution, cache=cache) for name in names]
    return without_evaluated(own, config.data, [other.splits["test"].queries for other in others])


def named_data(name: str, own: DataConfig) -> DataConfig:
    """What a name in `evaluation.collections` means. own: the run's data, which says what missing documents are."""
    if name == "docstrings":
        return DocstringsData()
    return BeirData(name=name, missing_documents=own.missing_documents if isinstance(own, BeirData) else "error")

"""Makes the collection that a data config describes: a reader, then what every reader's collection goes through."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from experiments.collections.beir import beir_files, read_beir
from experiments.collections.beir_hub import read_beir_hub
from experiments.collections.carve import carve, without_evaluated
from experiments.collections.docstrings import read_docstrings
from experiments.collections.kept import kept_collection
from experiments.collections.leak_check import check_leaks
from experiments.collections.leaks import Evaluated, evaluated_of
from experiments.collections.noted import note, noted
from experiments.collections.pairs import read_pairs
from experiments.collections.raw import RawCollection
from experiments.collections.trec import read_trec
from experiments.config import (
    BeirData,
    BeirHubData,
    DataConfig,
    DocstringsData,
    JudgedData,
    PairsData,
    RunConfig,
    RunData,
    TrecData,
    collections_of,
)
from experiments.contents import settled_states, state_of
from experiments.errors import UserError
from experiments.execution import Execution
from experiments.ir import Collection


def load_collection(data: DataConfig, *, execution: Execution, cache: Path) -> Collection:
    """The collection of `data`. `cache`: folder that keeps extracted docstrings and large corpora. Raises UserError.

    A folder in BEIR form is read once a process, for as long as its files stay; its content is noted in `cache`.
    """

    def make() -> Collection:
        return carve(_read(data, execution=execution, cache=cache), data)

    if not isinstance(data, BeirData):
        return make()
    settings, files = data.model_dump_json(), beir_files(data, execution=execution)

    def make_noted() -> Collection:
        before = state_of(settled_states(files))
        made = make()
        if before:
            note(settings, before, {data.name: made.content_hash}, cache=cache)
        return made

    return kept_collection(settings, files, make_noted)


def known_content(data: DataConfig, *, execution: Execution, cache: Path) -> str | None:
    """The content hash of `load_collection` without reading a text, while the files stay; None where it is not known.

    It is known of folders in BEIR form that have been read under this code.
    """
    if not isinstance(data, BeirData):
        return None
    try:
        state = state_of(settled_states(beir_files(data, execution=execution)))
    except UserError:  # nobody says where it lies: reading it says so
        return None
    found = noted(data.model_dump_json(), state, cache=cache) if state else None
    return found[data.name] if found is not None else None


def _read(data: DataConfig, *, execution: Execution, cache: Path) -> RawCollection:
    if isinstance(data, DocstringsData):
        return read_docstrings(data, cache=cache, workers=execution.workers)
    if isinstance(data, BeirHubData):
        return read_beir_hub(data, execution=execution)
    if isinstance(data, PairsData):
        return read_pairs(data, execution=execution)
    if isinstance(data, TrecData):
        return read_trec(data, execution=execution)
    return read_beir(data, execution=execution, cache=cache)


def load_own(data: RunData, *, execution: Execution, cache: Path) -> dict[str, Collection]:
    """The collections that a run trains on, by name, sorted; as `load_collection` makes them."""
    return {name: load_collection(one, execution=execution, cache=cache) for name, one in collections_of(data).items()}


def without_leaks(
    data: RunData, own: Mapping[str, Collection], evaluated: Iterable[Evaluated], *, cache: Path
) -> dict[str, Collection]:
    """The collections of `load_own` without training queries that are asked in evaluation, as `data.leak` has it.

    These are the queries of `evaluated`, and the dev, test and held-out queries of every collection that the run trains
    on, whether it is measured on them or not. cache: as of `find_leaks`.
    """
    asked = all_evaluated(own, evaluated)
    left = without_copies(data, own, asked)
    return check_leaks(data, left, asked, cache=cache)[0] if data.leak.action == "remove" else left


def all_evaluated(own: Mapping[str, Collection], others: Iterable[Evaluated]) -> list[Evaluated]:
    """The splits of a run's own collections but train, then what `others` adds to them, each task once."""
    there = evaluated_of(own)
    names = {part.task for part in there}
    return [*there, *(part for part in others if part.task not in names)]


def without_copies(
    data: RunData, own: Mapping[str, Collection], evaluated: Iterable[Evaluated]
) -> dict[str, Collection]:
    """The collections without training queries that are exact copies (normalised text) of evaluated ones."""
    asked = [part.queries for part in evaluated]
    return {name: without_evaluated(own[name], one, asked) for name, one in collections_of(data).items()}


def load_as_trained(config: RunConfig, *, execution: Execution, cache: Path) -> dict[str, Collection]:
    """The collections a run trains on, by name: without the queries of any collection that it is measured on."""
    own = load_own(config.data, execution=execution, cache=cache)
    if config.until != "evaluate":
        return without_leaks(config.data, own, [], cache=cache)
    names = [name for name in config.evaluation.collections if name not in {config.data.name, *own}]
    others = [load_collection(named_data(name, config.data), execution=execution, cache=cache) for name in names]
    return without_leaks(config.data, own, [evaluated_test(other) for other in others], cache=cache)


def evaluated_test(other: Collection) -> Evaluated:
    """What another collection than the run's own is measured on."""
    return Evaluated.of(f"{other.name}/test", other.corpus, other.splits["test"])


def named_data(name: str, own: RunData) -> DataConfig:
    """What the name of a collection means in a run: one that it trains on, else docstrings or a BEIR folder.

    Of a run whose own collections in BEIR form are the hub's, the others are the hub's, too.

    own: the run's data, which says what missing documents of the others are.
    """
    there = collections_of(own)
    if name in there:
        return there[name]
    if name == "docstrings":
        return DocstringsData()
    drop = any(isinstance(one, JudgedData) and one.missing_documents == "drop" for one in there.values())
    local = any(isinstance(one, BeirData) for one in there.values())
    hub = not local and any(isinstance(one, BeirHubData) for one in there.values())
    return (BeirHubData if hub else BeirData)(name=name, missing_documents="drop" if drop else "error")

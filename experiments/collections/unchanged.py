"""Checks whether a finished run's collections are still what they were when it was recorded."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

from experiments.collections.carve import without_evaluated
from experiments.collections.load import load_collection, named_data
from experiments.collections.splits import LEAKING_ELSEWHERE, require_split
from experiments.config import DataConfig
from experiments.errors import UserError
from experiments.execution import Execution
from experiments.ir import Collection
from experiments.records.schema import RunRecord

log = logging.getLogger("experiments")

WHY = "a finished run was measured on it"


def load_if_there(data: DataConfig, *, execution: Execution) -> Collection | None:
    """The collection, or None and a warning where it cannot be read any more."""
    try:
        return load_collection(data, execution=execution, cache=execution.store / "collections")
    except UserError as error:
        # A finished run needs its data no more: a folder that was moved away must not fail it.
        log.warning("%s is not compared with what finished runs were recorded on: %s", data.name, error)
        return None


def check_unchanged(done: RunRecord, own: DataConfig, load: Callable[[DataConfig], Collection | None]) -> None:
    """Raises UserError where a collection is not the one that a finished run was trained or measured on.

    own: the run's training collection. load: gives None for what is not to be compared.
    """
    found = {name: load(own if name == own.name else named_data(name, own)) for name in done.collections}
    if own.name in found:
        found[own.name] = _as_trained(done, own, found)
    for name, facts in done.collections.items():
        collection = found[name]
        if collection is not None and collection.content_hash != facts.content_hash:
            raise UserError(
                f"run {done.run_id} was recorded on {name} with content {facts.content_hash[:12]}, which now has "
                f"content {collection.content_hash[:12]}: give the changed collection another name (data.name=...)"
            )


def _as_trained(done: RunRecord, own: DataConfig, found: Mapping[str, Collection | None]) -> Collection | None:
    """The run's own collection as it was trained on; None where a collection that decides it is not there."""
    collection, others = found[own.name], [other for name, other in found.items() if name != own.name]
    if collection is None or not done.collections[own.name].report.get(LEAKING_ELSEWHERE):
        return collection
    there = [other for other in others if other is not None]
    if len(there) < len(others):
        return None
    return without_evaluated(collection, own, [require_split(one, "test", WHY).queries for one in there])

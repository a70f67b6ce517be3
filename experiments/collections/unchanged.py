"""Checks whether a finished run's collections are still what they were when it was recorded."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path

from experiments.collections.load import evaluated_test, load_collection, named_data, without_leaks
from experiments.collections.splits import LEAKING_ELSEWHERE, NEARLY_LEAKING, require_split
from experiments.config import DataConfig, RunData, collections_of
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


def check_unchanged(
    done: RunRecord, own: RunData, load: Callable[[DataConfig], Collection | None], *, cache: Path
) -> None:
    """Raises UserError where a collection is not the one that a finished run was trained or measured on.

    own: the run's training data. load: gives None for what is not to be compared. cache: as of `find_leaks`.
    """
    found = {name: load(named_data(name, own)) for name in done.collections}
    found |= _as_trained(done, own, found, cache)
    for name, facts in done.collections.items():
        collection = found[name]
        if collection is not None and collection.content_hash != facts.content_hash:
            raise UserError(
                f"run {done.run_id} was recorded on {name} with content {facts.content_hash[:12]}, which now has "
                f"content {collection.content_hash[:12]}: give the changed collection another name (data.name=...)"
            )


def _as_trained(
    done: RunRecord, own: RunData, found: Mapping[str, Collection | None], cache: Path
) -> Mapping[str, Collection | None]:
    """The run's own collections as they were trained on; None where a collection that decides it is not there."""
    names = [name for name in collections_of(own) if name in found]
    removed = (LEAKING_ELSEWHERE, NEARLY_LEAKING)
    if not any(done.collections[name].report.get(key) for name in names for key in removed):
        return {}
    there = {name: collection for name, collection in found.items() if collection is not None}
    if len(there) < len(found):
        return dict.fromkeys(names)
    others = [one for name, one in there.items() if name not in names]
    for one in others:
        require_split(one, "test", WHY)
    return without_leaks(own, {name: there[name] for name in names}, map(evaluated_test, others), cache=cache)

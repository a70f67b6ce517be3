"""Checks whether a finished run's collections are still what they were when it was recorded."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from experiments.collections.load import (
    evaluated_test,
    known_content,
    load_collection,
    named_data,
    without_leaks,
)
from experiments.collections.noted import note, noted
from experiments.collections.splits import LEAKING_ELSEWHERE, NEARLY_LEAKING, require_split
from experiments.config import DataConfig, RunData, collections_of
from experiments.errors import UserError
from experiments.execution import Execution
from experiments.identity import canonical_json
from experiments.ir import Collection, hash_texts
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


def known_if_there(data: DataConfig, *, execution: Execution) -> str | None:
    """The content hash of what `load_if_there` gives, where it is known without reading it."""
    return known_content(data, execution=execution, cache=execution.store / "collections")


def check_unchanged(
    done: RunRecord,
    own: RunData,
    load: Callable[[DataConfig], Collection | None],
    *,
    known: Callable[[DataConfig], str | None],
    cache: Path,
) -> None:
    """Raises UserError where a collection is not the one that a finished run was trained or measured on.

    own: the run's training data. load: gives None for what is not to be compared; it is asked for nothing whose content
    `known` gives. cache: as of `find_leaks`.
    """
    found = _contents(done, own, load, known, cache)
    for name, facts in done.collections.items():
        content = found[name]
        if content is not None and content != facts.content_hash:
            raise UserError(
                f"run {done.run_id} was recorded on {name} with content {facts.content_hash[:12]}, which now has "
                f"content {content[:12]}: give the changed collection another name (data.name=...)"
            )


def _contents(
    done: RunRecord,
    own: RunData,
    load: Callable[[DataConfig], Collection | None],
    known: Callable[[DataConfig], str | None],
    cache: Path,
) -> dict[str, str | None]:
    """Content hashes of the record's collections, its own as they were trained on; None for what is not compared."""
    data = {name: named_data(name, own) for name in done.collections}
    found = {name: known(one) or _content(load(one)) for name, one in data.items()}
    names = [name for name in collections_of(own) if name in found]
    removed = (LEAKING_ELSEWHERE, NEARLY_LEAKING)
    if not any(done.collections[name].report.get(key) for name in names for key in removed):
        return found
    there = {name: content for name, content in found.items() if content is not None}
    if len(there) < len(found):  # one that decides what was removed is not there
        return {**found, **dict.fromkeys(names)}
    what, state = canonical_json(own), hash_texts([part for pair in sorted(there.items()) for part in pair])
    trained = noted(what, state, cache=cache)
    if trained is None:
        trained = _as_trained(own, names, {name: load(one) for name, one in data.items()}, cache)
        note(what, state, trained, cache=cache)
    return {**found, **trained}


def _content(collection: Collection | None) -> str | None:
    return collection.content_hash if collection is not None else None


def _as_trained(
    own: RunData, names: Sequence[str], found: Mapping[str, Collection | None], cache: Path
) -> dict[str, str]:
    """Content hashes of the run's own collections without what leaks into any of `found`, all of which are there."""
    there = {name: collection for name, collection in found.items() if collection is not None}
    others = [one for name, one in there.items() if name not in names]
    for one in others:
        require_split(one, "test", WHY)
    trained = without_leaks(own, {name: there[name] for name in names}, map(evaluated_test, others), cache=cache)
    return {name: one.content_hash for name, one in trained.items()}

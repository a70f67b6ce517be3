"""What a run does about leaks (`data.leak`): counts them, stops, or takes such training queries out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from experiments.collections.carve import without_queries
from experiments.collections.leaks import Evaluated, Leak, PartLeaks, find_leaks, leaking_queries
from experiments.collections.splits import NEARLY_LEAKING
from experiments.config import RunData, collections_of
from experiments.errors import UserError
from experiments.ir import Collection
from experiments.records.facts import LeakFacts


def check_leaks(
    data: RunData, own: Mapping[str, Collection], evaluated: Sequence[Evaluated], *, cache: Path
) -> tuple[dict[str, Collection], LeakFacts]:
    """The collections to train on, and what was found in them before anything was removed.

    own: without exact copies of evaluated queries. Raises UserError where `data.leak` makes a leak an error.
    """
    leak = data.leak
    found = find_leaks(own, evaluated, near=leak.near, cache=cache)
    concerned = {name: leaking_queries(part, leak.of) for name, part in found.items()}
    if leak.action == "error":
        for name, part in found.items():
            if len(concerned[name]):
                raise UserError(_line(own[name], part, len(concerned[name]), data))
    left = dict(own)
    if leak.action == "remove":
        configs = collections_of(data)
        left |= {
            name: without_queries(own[name], configs[name], queries, counted=NEARLY_LEAKING)
            for name, queries in concerned.items()
        }
    removed = sum(map(len, concerned.values())) if leak.action == "remove" else 0
    return left, _facts(found, evaluated, near=leak.near, removed=removed)


def _facts(
    found: Mapping[str, PartLeaks], evaluated: Sequence[Evaluated], *, near: float | None, removed: int
) -> LeakFacts:
    return LeakFacts(
        near=near,
        queries=sum(part.queries for part in found.values()),
        positives=sum(part.positives for part in found.values()),
        tasks=tuple(part.task for part in evaluated),
        found=tuple(count for part in found.values() for count in part.counts),
        removed=removed,
    )


def _line(collection: Collection, found: PartLeaks, count: int, data: RunData) -> str:
    """The first pair, and what to do about it."""
    leak = min((found.first[of] for of in data.leak.of if of in found.first), key=lambda one: one.query)
    query = collection.splits["train"].queries.ids[leak.query]
    what = f"the training query {query!r}"
    if leak.of == "positives":
        what = f"{leak.trained!r}, a relevant passage of {what},"
    of_task = "query" if leak.to == "queries" else "relevant document"
    more = f", and so do {count - 1} more" if count > 1 else ""
    return (
        f"data.leak.action=error: {what} of {collection.name} {_said(leak)} the {of_task} {leak.evaluated!r} of "
        f"{leak.task}{more}: data.leak.action=remove takes them out of train, warn counts them"
    )


def _said(leak: Leak) -> str:
    return "repeats" if leak.similarity == 1 else f"nearly repeats (similarity {leak.similarity:.2f})"

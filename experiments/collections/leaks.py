"""What training data repeats of what is evaluated: queries and their relevant passages, equal or nearly the same."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import BaseModel, ValidationError

from experiments.collections.grams import Integers
from experiments.collections.matches import EXACT, NEAR, Levels, Matches, Pool, match
from experiments.files import write_text
from experiments.identity import digest
from experiments.ir import Collection, Corpus, Queries, Split
from experiments.records.facts import LeakCount

VERSION = 1
"""Part of the name under which what was found is kept."""

Of = Literal["queries", "positives"]
To = Literal["queries", "documents"]


@dataclass(frozen=True)
class Evaluated:
    """What one task asks, and the documents that are relevant for it."""

    task: str
    queries: Queries
    documents: Corpus

    @staticmethod
    def of(task: str, corpus: Corpus, split: Split) -> Evaluated:
        """Of a split whose judgments point into `corpus`."""
        return Evaluated(task, split.queries, corpus.take(np.unique(split.qrels.document).astype(np.int32)))


def evaluated_of(own: Mapping[str, Collection]) -> list[Evaluated]:
    """Every split of the collections but train."""
    return [
        Evaluated.of(f"{name}/{split}", one.corpus, one.splits[split])
        for name, one in own.items()
        for split in sorted(one.splits)
        if split != "train"
    ]


class Leak(BaseModel):
    """A training query at position `query` that repeats something of `task`, or whose passage does.

    trained, evaluated: the two texts' ids. similarity: 1 = equal.
    """

    query: int
    of: Of
    trained: str
    to: To
    task: str
    evaluated: str
    similarity: float


class PartLeaks(BaseModel):
    """What one collection repeats. queries, positives: what was compared, as in LeakFacts.

    leaking: positions of the training queries that do, or that have a passage which does. first: a pair of the first.
    """

    counts: list[LeakCount]
    leaking: dict[Of, list[int]]
    first: dict[Of, Leak]
    queries: int
    positives: int


def find_leaks(
    own: Mapping[str, Collection], evaluated: Sequence[Evaluated], *, near: float | None, cache: Path
) -> dict[str, PartLeaks]:
    """Of each collection with a train split, what it repeats of `evaluated`.

    near: the similarity that counts, None = equal texts only. cache: folder that keeps what was found, since every run
    of a sweep asks the same.
    """
    return {name: _kept(name, one, evaluated, near, cache) for name, one in own.items() if "train" in one.splits}


def leaking_queries(found: PartLeaks, of: Iterable[Of]) -> Integers:
    """Positions of the training queries that an action about `of` concerns."""
    return np.unique([query for one in of for query in found.leaking[one]]).astype(np.int64)


def _kept(name: str, one: Collection, evaluated: Sequence[Evaluated], near: float | None, cache: Path) -> PartLeaks:
    train = one.splits["train"]
    asked = [[part.task, part.queries.content_hash, part.documents.content_hash] for part in evaluated]
    against = [one.corpus.content_hash, train.queries.content_hash, train.qrels.content_hash]
    path = cache / f"leaks-{digest([VERSION, near, name, against, asked])}.json"
    if path.is_file():
        try:
            return PartLeaks.model_validate_json(path.read_text(encoding="utf-8"))
        except (ValidationError, UnicodeDecodeError):
            path.unlink(missing_ok=True)  # damaged: made anew
    found = _find(name, one, evaluated, near)
    write_text(path, found.model_dump_json() + "\n")
    return found


@dataclass(frozen=True)
class _Side:
    """Training texts. item: (I,) which text each counted thing has; query: (I,) the training query it belongs to."""

    of: Of
    texts: Queries | Corpus
    item: Integers
    query: Integers


def _sides(one: Collection) -> list[_Side]:
    train = one.splits["train"]
    queries = np.arange(len(train.queries))
    passages, place = np.unique(train.qrels.document, return_inverse=True)
    shown = one.corpus.take(passages.astype(np.int32))
    return [
        _Side("queries", train.queries, queries, queries),
        _Side("positives", shown, place, train.qrels.query.astype(np.int64)),
    ]


def _find(name: str, one: Collection, evaluated: Sequence[Evaluated], near: float | None) -> PartLeaks:
    tasks = [part.task for part in evaluated]
    pools: Mapping[To, Pool] = {"queries": _pool(evaluated, "queries"), "documents": _pool(evaluated, "documents")}
    sides = _sides(one)
    found = PartLeaks(counts=[], leaking={}, first={}, queries=len(sides[0].item), positives=len(sides[1].item))
    for side in sides:
        leaking: list[int] = []
        for to, pool in pools.items():
            both = side.of == "positives" and to == "documents"
            matches = match(side.texts.normalised, pool, near=near, passages=both)
            level = matches.level[side.item]
            found.counts.extend(_counts(level, name, tasks, side.of, to))
            hit = np.flatnonzero(level.any(axis=1))
            leaking += side.query[hit].tolist()
            if len(hit):
                first = _leak(side, int(hit[np.argmin(side.query[hit])]), to, pool, matches)
                found.first[side.of] = min(found.first.get(side.of, first), first, key=lambda leak: leak.query)
        found.leaking[side.of] = sorted(set(leaking))
    return found


def _pool(evaluated: Sequence[Evaluated], to: To) -> Pool:
    return Pool.build(
        [part.task for part in evaluated],
        (
            (task, name, text)
            for task, part in enumerate(evaluated)
            for side in [part.queries if to == "queries" else part.documents]
            for name, text in zip(side.ids, side.normalised, strict=True)
        ),
    )


def _counts(level: Levels, part: str, tasks: Sequence[str], of: Of, to: To) -> list[LeakCount]:
    exact, near = (np.count_nonzero(level == wanted, axis=0).tolist() for wanted in (EXACT, NEAR))
    counts = zip(tasks, exact, near, strict=True)
    return [LeakCount(part=part, task=task, of=of, to=to, exact=e, near=n) for task, e, n in counts if e or n]


def _leak(side: _Side, at: int, to: To, pool: Pool, matches: Matches) -> Leak:
    item = int(side.item[at])
    task, evaluated = pool.name[matches.partner[item]]
    return Leak(
        query=int(side.query[at]),
        of=side.of,
        trained=side.texts.ids[item],
        to=to,
        task=task,
        evaluated=evaluated,
        similarity=float(matches.similarity[item]),
    )

"""Reads data=docstrings: documents grouped by first sentence, sampled into corpus, dev, test and training pool.

Everything here is a function of `DocstringsData` and the pinned texts; the run's `seed` enters later (draw.py).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from experiments.collections.docstring_source import Pair, extract_cached
from experiments.collections.raw import RawCollection
from experiments.config import DocstringsData
from experiments.errors import UserError
from experiments.identity import derive_seed
from experiments.ir import Corpus, Qrels, Queries, Split, normalise_text

MAX_GROUP = 8
Group = tuple[Pair, ...]


def read_docstrings(data: DocstringsData, *, cache: Path, workers: int) -> RawCollection:
    """The passages and splits that `data` draws. Raises UserError where there are too few passages or groups for it."""
    pairs = extract_cached(cache, workers=workers)
    return sample(group(pairs), data)


def group(pairs: Iterable[Pair]) -> list[Group]:
    """Groups of equal normalised query, identical passages collapsed, large groups dropped; ordered by first id."""
    seen: set[str] = set()
    groups: dict[str, list[Pair]] = {}
    for pair in sorted(pairs):
        passage = normalise_text(pair.passage)
        if passage not in seen:
            seen.add(passage)
            groups.setdefault(normalise_text(pair.query), []).append(pair)
    return [tuple(members) for members in groups.values() if len(members) <= MAX_GROUP]


def sample(groups: Sequence[Group], data: DocstringsData) -> RawCollection:
    """Draw test, dev and pool groups by `split_seed`, then fill the corpus up to `passages` with further groups.

    A group that several documents answer is scarce, so each split takes exactly its share of them and the pool takes
    all that are left, as far as the corpus holds them. Groups drawn for test are the same whatever `passages`,
    `dev_queries` and `train_queries` are.
    """
    several = _shuffled([g for g in groups if len(g) > 1], data.split_seed, "several")
    single = _shuffled([g for g in groups if len(g) == 1], data.split_seed, "single")
    wanted = {
        "test": (data.test_queries, data.multi_share.test),
        "dev": (data.dev_queries, data.multi_share.dev),
        "train": (data.train_queries, data.multi_share.train),
    }
    counts = {name: _parts(queries, share) for name, (queries, share) in wanted.items()}
    _check_enough("with several members", len(several), {name: c[0] for name, c in counts.items()})
    _check_enough("with one member", len(single), {name: c[1] for name, c in counts.items()})
    chosen: dict[str, list[Group]] = {}
    for name, (n_several, n_single) in counts.items():
        chosen[name] = several[:n_several] + single[:n_single]
        several, single = several[n_several:], single[n_single:]
    chosen["train"] += _fill(several + single, chosen, data, total=sum(map(len, groups)))
    return _collection({name: members for name, members in chosen.items() if members}, groups, data)


def _shuffled(groups: list[Group], seed: int, name: str) -> list[Group]:
    order = np.random.default_rng(derive_seed(seed, "docstrings", name)).permutation(len(groups))
    return [groups[i] for i in order]


def _parts(queries: int, share: float) -> tuple[int, int]:
    """(groups with several members, groups with one)."""
    several = int(queries * share + 0.5)
    return several, queries - several


def _check_enough(what: str, available: int, wanted: dict[str, int]) -> None:
    if sum(wanted.values()) > available:
        asked = ", ".join(f"{name} {count}" for name, count in wanted.items())
        raise UserError(
            f"data=docstrings has {available} queries {what}, but {asked} are asked for: "
            "lower data.*_queries or change data.multi_share"
        )


def _fill(candidates: list[Group], chosen: dict[str, list[Group]], data: DocstringsData, *, total: int) -> list[Group]:
    """The groups, in order, that bring the corpus to `passages`; one too large for what is left is passed over."""
    passages = total if data.passages == "all" else data.passages
    held = sum(len(g) for members in chosen.values() for g in members)
    if passages > total:
        raise UserError(f"data.passages={passages}, but docstrings has {total} passages: lower it, or say all")
    if held > passages:
        raise UserError(
            f"data.passages={passages} cannot hold the {held} passages that answer the asked queries: "
            "raise data.passages or lower data.*_queries"
        )
    filled = []
    for candidate in candidates:
        if held + len(candidate) <= passages:
            filled.append(candidate)
            held += len(candidate)
    return filled


def _collection(chosen: dict[str, list[Group]], groups: Sequence[Group], data: DocstringsData) -> RawCollection:
    documents = sorted(pair for members in chosen.values() for g in members for pair in g)
    position = {pair.id: i for i, pair in enumerate(documents)}
    corpus = Corpus(
        ids=tuple(pair.id for pair in documents),
        titles=("",) * len(documents),
        texts=tuple(pair.passage for pair in documents),
    )
    splits = {name: _split(sorted(members), position) for name, members in chosen.items()}
    report = {
        "groups": len(groups),
        "groups_with_several_members": sum(len(g) > 1 for g in groups),
        "passages_available": sum(map(len, groups)),
        **{f"{name}_with_several_members": sum(len(g) > 1 for g in members) for name, members in chosen.items()},
    }
    return RawCollection(name=data.name, corpus=corpus, splits=splits, report=report)


def _split(groups: list[Group], position: dict[str, int]) -> Split:
    queries = Queries(ids=tuple(query_id(g[0].query) for g in groups), texts=tuple(g[0].query for g in groups))
    query = [i for i, g in enumerate(groups) for _ in g]
    document = [position[pair.id] for g in groups for pair in g]
    return Split(queries=queries, qrels=Qrels.build(query=query, document=document, grade=[1] * len(query)))


def query_id(query: str) -> str:
    """A name for a query that depends on its normalised text alone."""
    return "q" + hashlib.sha256(normalise_text(query).encode("utf-8")).hexdigest()[:12]

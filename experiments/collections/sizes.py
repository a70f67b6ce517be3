"""Makes the splits that a collection has not (`data.split`): whole groups, drawn by split_seed, of the sizes asked."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from experiments.collections.side import document_labels, factorise, grouped_by, queries_where
from experiments.config import CarvedData
from experiments.errors import UserError
from experiments.identity import derive_seed
from experiments.ir import Corpus, Split

Groups = npt.NDArray[np.integer]


def make_splits(
    splits: Mapping[str, Split], data: CarvedData, *, corpus: Corpus, report: dict[str, int]
) -> dict[str, Split]:
    """`splits`, with a test and a dev split made of train, or all three of test where there is no train.

    As they are without `data.split` and where nothing is missing. Adds what was made to `report`. Raises UserError
    where the queries are too few, or all of one group.
    """
    source = next((name for name in ("train", "test") if name in splits), None)
    if data.split is None or source is None:
        return dict(splits)
    kept = {name: split for name, split in splits.items() if name != source}
    asked = {"test": data.split.test, "dev": data.dev_queries or data.split.dev}
    asked = {name: size for name, size in asked.items() if size and name not in kept}
    if source == "test" and "test" not in asked:
        raise UserError(f"data.split.test=0 leaves {data.name} nothing to measure on: give it a share or a count")
    if not asked:
        return dict(splits)
    pool = splits[source]
    wanted = sizes(asked, len(pool.queries))
    side = assign(whole_groups(pool, corpus, data), wanted, seed=derive_seed(data.split_seed, "split"))
    _check(side, wanted, data=data, by=grouped_by(corpus, data))
    made = {name: queries_where(pool, side == i) for i, name in enumerate(("train", *wanted)) if (side == i).any()}
    for name, size in wanted.items():
        report[f"split_{name}_queries"] = len(made[name].queries) if name in made else 0
        report[f"split_{name}_queries_short"] = max(_count(asked[name], len(pool.queries)) - size, 0)
    return {**kept, **made}


def sizes(asked: Mapping[str, float | int], queries: int) -> dict[str, int]:
    """How many of `queries` each name gets: a share below 1 or a count; together at most half, the first at least 1."""
    counts = {name: _count(size, queries) for name, size in asked.items()}
    most, total = queries // 2, sum(counts.values())
    if total <= most:
        return counts
    first, *rest = counts
    shrunk = {name: counts[name] * most // total for name in rest}
    return {first: max(most - sum(shrunk.values()), 1), **shrunk}


def _count(size: float | int, queries: int) -> int:
    return max(round(size * queries), 1) if isinstance(size, float) else size


def whole_groups(split: Split, corpus: Corpus, data: CarvedData) -> Groups:
    """(Q,) the group of each query: what shares a text, or a whole that any of its positives was cut from.

    Groups that one query joins are one (connected components), so that no split can cut through any of them.
    """
    texts = factorise(split.queries.normalised)
    if grouped_by(corpus, data) == "query":
        return texts
    wholes = factorise(document_labels(corpus, data, split.qrels.document))
    queries = len(texts)
    one = np.concatenate([np.arange(queries), split.qrels.query])
    other = queries + np.concatenate([texts, wholes + texts.max(initial=-1) + 1])
    nodes = int(other.max(initial=queries - 1)) + 1
    edges = coo_array((np.ones(len(one), dtype=np.bool_), (one, other)), shape=(nodes, nodes))
    _, labels = connected_components(edges, directed=False)
    return np.asarray(np.unique(labels[:queries], return_inverse=True)[1])


def assign(groups: Groups, wanted: Mapping[str, int], *, seed: int) -> Groups:
    """(Q,) where each query goes: 0 = train, 1, 2, ... = the names of `wanted`, in order.

    Groups are met in a seeded order; a side takes each that still fits into what it wants, and the smallest one where
    none fits. The last group left stays in train.
    """
    members = np.bincount(groups)
    order = np.random.default_rng(seed).permutation(len(members))
    of_group = np.zeros(len(members), dtype=np.int64)
    for side, size in enumerate(wanted.values(), start=1):
        free = [int(group) for group in order if not of_group[group]]
        if len(free) < 2 or size < 1:
            continue
        of_group[_fitting(free, members, size) or [min(free, key=lambda group: members[group])]] = side
    return of_group[groups]


def _fitting(free: list[int], members: Groups, size: int) -> list[int]:
    taken: list[int] = []
    for group in free:
        if members[group] <= size and len(taken) < len(free) - 1:
            taken.append(group)
            size -= int(members[group])
        if not size:
            break
    return taken


def _check(side: Groups, wanted: Mapping[str, int], *, data: CarvedData, by: str) -> None:
    """Raises UserError where the first split that is wanted got nothing."""
    if (side == 1).any():
        return
    name = next(iter(wanted))
    raise UserError(
        f"data.split of {data.name}: no {name} split can be made of {len(side)} queries that are all of one group "
        f"(by {by}): give more data, or change data.group_by"
    )

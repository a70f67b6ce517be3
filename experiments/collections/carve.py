"""Makes a collection of what a reader found: removes leaking training queries, sets dev and held-out queries aside."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from experiments.collections.raw import RawCollection
from experiments.collections.side import Mask, queries_where, train_groups
from experiments.collections.sizes import make_splits
from experiments.collections.splits import LEAKING, LEAKING_ELSEWHERE, minable_documents
from experiments.config import CarvedData, DataConfig
from experiments.errors import UserError
from experiments.identity import derive_seed
from experiments.ir import Collection, Corpus, Queries, Split
from experiments.memo import remembered


def carve(raw: RawCollection, data: DataConfig) -> Collection:
    """The collection to train and measure on. Raises UserError where too few train queries are left to set aside."""
    report = dict(raw.report)
    splits = raw.splits
    if isinstance(data, CarvedData):
        splits = make_splits(splits, data, corpus=raw.corpus, report=report)
    splits = _without_own_leaks(splits, report)
    if isinstance(data, CarvedData):
        if data.heldout_queries:
            splits = _set_aside(splits, "heldout", data.heldout_queries, data=data, corpus=raw.corpus, report=report)
        if data.dev_queries and "dev" not in splits:
            splits = _set_aside(splits, "dev", data.dev_queries, data=data, corpus=raw.corpus, report=report)
    report["evaluation_texts_in_several_splits"] = _texts_in_several(splits)
    minable = minable_documents(len(raw.corpus), splits, data)
    return Collection(name=raw.name, corpus=raw.corpus, splits=splits, minable=minable, report=report)


def without_evaluated(collection: Collection, data: DataConfig, evaluated: Iterable[Queries]) -> Collection:
    """`collection` without training queries whose normalised text is among `evaluated`, the queries measured on.

    The very same value where there are none, so that its content hash stays. Where all are, it has no train split.
    What may be mined follows the queries that are left (`data.mining_corpus`).
    """
    train = collection.splits.get("train")
    texts = {text for queries in evaluated for text in queries.normalised}
    leaking = [] if train is None else [i for i, text in enumerate(train.queries.normalised) if text in texts]
    return without_queries(collection, data, np.array(leaking, dtype=np.int64), counted=LEAKING_ELSEWHERE)


def without_queries(
    collection: Collection, data: DataConfig, queries: npt.NDArray[np.int64], *, counted: str
) -> Collection:
    """`collection` without the training queries at these positions, how many being in its report under `counted`.

    As in `without_evaluated`, it is the very same value without any, and what may be mined follows what is left.
    """
    if not len(queries):
        return collection

    def make() -> Collection:
        left = np.ones(len(collection.splits["train"].queries), dtype=np.bool_)
        left[queries] = False
        splits = _train_where(collection.splits, left)
        return replace(
            collection,
            splits=splits,
            minable=minable_documents(len(collection.corpus), splits, data),
            report={**collection.report, counted: len(queries)},
        )

    return remembered(collection, ("without", queries.tobytes(), data.model_dump_json(), counted), make)


def _without_own_leaks(splits: Mapping[str, Split], report: dict[str, int]) -> dict[str, Split]:
    """`splits` with a train split that repeats no other split's query text; adds to the count in `report`."""
    texts = {text for name, split in splits.items() if name != "train" for text in split.queries.normalised}
    left, removed = _without_leaks(splits, texts)
    if "train" in splits:
        report[LEAKING] = report.get(LEAKING, 0) + removed
    return left


def _without_leaks(splits: Mapping[str, Split], texts: Iterable[str]) -> tuple[dict[str, Split], int]:
    """`splits` without the train queries whose normalised text is in `texts`, and how many these are."""
    train, evaluated = splits.get("train"), set(texts)
    if train is None:
        return dict(splits), 0
    leaking = np.array([text in evaluated for text in train.queries.normalised], dtype=np.bool_)
    return _train_where(splits, ~leaking), int(leaking.sum())


def _train_where(splits: Mapping[str, Split], left: Mask) -> dict[str, Split]:
    """`splits` with the train queries under the mask alone; without a train split where it covers none."""
    others = {name: split for name, split in splits.items() if name != "train"}
    train = splits["train"]
    return {**others, "train": train if left.all() else queries_where(train, left)} if left.any() else others


def _texts_in_several(splits: Mapping[str, Split]) -> int:
    """Query texts that stand in two or more splits besides train: choosing on one looks at the other."""
    texts = [set(split.queries.normalised) for name, split in splits.items() if name != "train"]
    return sum(count > 1 for count in Counter(text for one in texts for text in one).values())


def _set_aside(
    splits: Mapping[str, Split], name: str, count: int, *, data: CarvedData, corpus: Corpus, report: dict[str, int]
) -> dict[str, Split]:
    """Move `count` train queries into the split `name`, chosen by `split_seed`; adds to the counts in `report`.

    Whole groups leave train until they hold `count` queries; what the last group holds beyond that is in neither.
    """
    train = _train_to_carve(splits, name, count, data)
    groups = train_groups(train, corpus, data)
    rng = np.random.default_rng(derive_seed(data.split_seed, "set_aside", name))
    order = rng.permutation(groups.max() + 1)
    sizes = np.bincount(groups)[order]
    leaving = np.isin(groups, order[: int(np.searchsorted(np.cumsum(sizes), count)) + 1])
    if leaving.all():
        raise UserError(
            f"data.{name}_queries={count} takes every {data.group_by} group of {data.name}: "
            "lower it or change data.group_by"
        )
    taken = np.flatnonzero(leaving)
    chosen = np.zeros(len(train.queries), dtype=np.bool_)
    chosen[rng.permutation(taken)[:count]] = True
    report[f"{name}_queries_from_train"] = count
    report[f"train_queries_dropped_with_{name}"] = len(taken) - count
    return _without_own_leaks(
        {**splits, "train": queries_where(train, ~leaving), name: queries_where(train, chosen)}, report
    )


def _train_to_carve(splits: Mapping[str, Split], name: str, count: int, data: CarvedData) -> Split:
    """The train split. Raises UserError where `count` queries cannot be moved from it into a new split `name`."""
    if name in splits:
        raise UserError(f"{data.name} has a {name} split of its own: drop data.{name}_queries={count}")
    train = splits.get("train")
    available = len(train.queries) if train is not None else 0
    if train is None or count >= available:
        raise UserError(
            f"data.{name}_queries={count} must leave train queries, but {data.name} has {available}: lower it"
        )
    return train

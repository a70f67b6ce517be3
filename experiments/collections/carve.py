"""Removes leaking training queries from a collection, whatever reader it came from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from experiments.collections.splits import LEAKING_ELSEWHERE, minable_documents
from experiments.config import DataConfig
from experiments.ir import Collection, Qrels, Queries, Split

Mask = npt.NDArray[np.bool_]


def without_evaluated(collection: Collection, data: DataConfig, evaluated: Iterable[Queries]) -> Collection:
    """`collection` without training queries whose normalised text is among `evaluated`, the queries measured on.

    The very same value where there are none, so that its content hash stays. Where all are, it has no train split.
    What may be mined follows the queries that are left (`data.mining_corpus`).
    """
    texts = {text for queries in evaluated for text in queries.normalised}
    splits, removed = without_leaks(collection.splits, texts)
    if not removed:
        return collection
    return replace(
        collection,
        splits=splits,
        minable=minable_documents(len(collection.corpus), splits, data),
        report={**collection.report, LEAKING_ELSEWHERE: removed},
    )


def without_leaks(splits: Mapping[str, Split], texts: Iterable[str]) -> tuple[dict[str, Split], int]:
    """`splits` without the train queries whose normalised text is in `texts`, and how many these are.

    A train split of which nothing is left is gone.
    """
    train, evaluated = splits.get("train"), set(texts)
    if train is None:
        return dict(splits), 0
    leaking = np.array([text in evaluated for text in train.queries.normalised], dtype=np.bool_)
    left = {name: split for name, split in splits.items() if name != "train"}
    if not leaking.all():
        left["train"] = where(train, ~leaking) if leaking.any() else train
    return left, int(leaking.sum())


def where(split: Split, mask: Mask) -> Split:
    """The queries under `mask` (Q,) bool, and their judgments."""
    kept = np.flatnonzero(mask).astype(np.int32)
    new_position = np.cumsum(mask, dtype=np.int32) - 1
    judged = mask[split.qrels.query]
    qrels = Qrels.build(
        query=new_position[split.qrels.query[judged]],
        document=split.qrels.document[judged],
        grade=split.qrels.grade[judged],
    )
    return Split(queries=split.queries.take(kept), qrels=qrels)

"""Documents that are relevant for the queries that a collection is evaluated on: what of them is mined, or may be."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from experiments.config import MiningConfig
from experiments.ir import Collection
from experiments.memo import remembered


def evaluated_documents(collection: Collection) -> npt.NDArray[np.bool_] | None:
    """(N,) which documents are judged relevant for a query of a split other than train; None without such a split."""
    if not set(collection.splits) - {"train"}:
        return None
    found = np.zeros(len(collection.corpus), dtype=np.bool_)
    for name, split in collection.splits.items():
        if name != "train":
            found[split.qrels.document] = True
    return found


def minable_under(collection: Collection, mining: MiningConfig) -> Collection:
    """`collection`, in which documents that are relevant in evaluation may not be mined where `mining` says so.

    The very same value where it does not. Copies of such documents stay: to an evaluation they are other documents.
    """
    evaluated = evaluated_documents(collection)
    if not mining.exclude_eval_documents or evaluated is None:
        return collection
    return remembered(
        collection, "without evaluated", lambda: replace(collection, minable=collection.minable & ~evaluated)
    )

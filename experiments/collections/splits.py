"""Answers what stages ask of a collection's splits: is it there, what may be mined, in what is it searched."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from experiments.config import DataConfig, JudgedData
from experiments.errors import UserError
from experiments.ir import Collection, Corpus, Qrels, Split

LEAKING = "leaking_train_queries_removed"
"""Report key: training queries that repeat a query of another split of their own collection."""
LEAKING_ELSEWHERE = "train_queries_of_other_evaluated_collections_removed"
"""Report key: training queries that repeat a query of another collection that the run is measured on."""
NEARLY_LEAKING = "train_queries_nearly_evaluated_removed"
"""Report key: training queries removed because they, or their passages, repeat what is evaluated (`data.leak`)."""

FIXES = {
    "train": "use a collection whose qrels/train.tsv judges documents of its corpus relevant, make the splits with "
    "'data.split={dev: 0.1, test: 0.2}', or train=none",
    "dev": "give it qrels/dev.tsv, or carve a dev split out of train with data.dev_queries=N",
    "test": "make one of train with 'data.split={dev: 0.1, test: 0.2}', or give it one (qrels/test.tsv, test.csv)",
    "heldout": "set some train queries aside with data.heldout_queries=N",
}


def require_split(collection: Collection, name: str, why: str) -> Split:
    """The split `name`. Raises UserError that gives `why` it is needed and how to get one."""
    if name in collection.splits:
        return collection.splits[name]
    there = ", ".join(sorted(collection.splits)) or "none"
    leaks = sum(collection.report.get(key, 0) for key in (LEAKING, LEAKING_ELSEWHERE, NEARLY_LEAKING))
    if name == "train" and leaks:
        nearly = ", or set data.leak.action=warn" if collection.report.get(NEARLY_LEAKING) else ""
        raise UserError(
            f"all {leaks} train queries of {collection.name} are also queries that are evaluated, but {why}: "
            "train on another collection, or evaluate on another" + nearly
        )
    fix = FIXES.get(name, f"give it qrels/{name}.tsv")
    raise UserError(f"collection {collection.name} has no {name} split (it has: {there}), but {why}: {fix}")


def minable_documents(documents: int, splits: Mapping[str, Split], data: DataConfig) -> npt.NDArray[np.bool_]:
    """(documents,) bool: all of them, or those judged in the train split (`data.mining_corpus`)."""
    if data.mining_corpus == "all":
        return np.ones(documents, dtype=np.bool_)
    minable = np.zeros(documents, dtype=np.bool_)
    if "train" in splits:
        minable[splits["train"].qrels.document] = True
    return minable


def evaluation_split(collection: Collection, data: DataConfig, split_name: str) -> tuple[Corpus, Split]:
    """The corpus that a split is searched in, and the split with its judgments pointing into that corpus.

    With `search_corpus: judged` the corpus holds the documents judged in this split, score 0 included, in corpus order.
    Raises UserError where the collection lacks the split.
    """
    split = require_split(collection, split_name, f"{split_name} is to be evaluated")
    if not (isinstance(data, JudgedData) and data.search_corpus == "judged"):
        return collection.corpus, replace(split, given=Qrels.empty()) if len(split.given) else split
    kept = np.union1d(split.qrels.document, split.nonrelevant.document)
    qrels = replace(split.qrels, document=np.searchsorted(kept, split.qrels.document).astype(np.int32))
    return collection.corpus.take(kept), replace(split, qrels=qrels, nonrelevant=Qrels.empty(), given=Qrels.empty())

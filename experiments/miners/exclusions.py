"""Documents that may not be mined for a query text, whatever the miner."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from experiments.config import DataConfig, MiningConfig
from experiments.identity import derive_seed
from experiments.ir import Collection
from experiments.miners.draws import uniform
from experiments.miners.pairs import PairSet
from experiments.miners.reasons import POSITIVE, QUERY_TEXT, REVEALED, SAME_TEXT
from experiments.miners.rows import Rows
from experiments.miners.texts import TextGroups, group_texts


def judged_pairs(collection: Collection, groups: TextGroups) -> PairSet:
    """Every judged positive of the train split, pooled by query text."""
    qrels = collection.splits["train"].qrels
    return PairSet.build(len(collection.corpus), (groups.query[qrels.query], qrels.document, POSITIVE))


def exclude(
    rows: Rows, judged: PairSet, groups: TextGroups, *, data: DataConfig, mining: MiningConfig, seed: int
) -> PairSet:
    """Shown positives and their copies, the query's own text, and the revealed share of the hidden positives.

    With `positives: all` nothing is hidden, so every judged positive of the text counts as shown.
    """
    if data.positives == "all":
        shown_group, shown = judged.group, judged.document
    else:
        shown_group, shown = rows.group, rows.positive.astype(np.int64)
    drawn = uniform(derive_seed(seed, "reveal"), judged.group, judged.document)
    revealed = drawn < mining.reveal
    return PairSet.build(
        judged.documents,
        (shown_group, shown, POSITIVE),
        (*groups.expand(shown_group, groups.document[shown]), SAME_TEXT),
        (*_own_text(np.unique(rows.group), groups), QUERY_TEXT),
        (judged.group[revealed], judged.document[revealed], REVEALED),
    )


def most_exclusions(collection: Collection) -> int:
    """The most minable documents that any seed, `positives` and `reveal` could exclude for one query text."""
    groups = group_texts(collection)
    judged = judged_pairs(collection, groups)
    everything = PairSet.build(
        judged.documents,
        (*groups.expand(judged.group, groups.document[judged.document]), SAME_TEXT),
        (*_own_text(np.unique(groups.query), groups), QUERY_TEXT),
    )
    return int(everything.count(len(groups.query), collection.minable).max(initial=0))


def _own_text(
    group: npt.NDArray[np.int64], groups: TextGroups
) -> tuple[npt.NDArray[np.integer], npt.NDArray[np.int64]]:
    said = group[groups.own[group] >= 0]
    return groups.expand(said, groups.own[said])

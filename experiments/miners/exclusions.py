"""Documents that may not be mined for a query text, whatever the miner."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from experiments.config import DataConfig, MiningConfig
from experiments.identity import derive_seed
from experiments.ir import Collection
from experiments.miners.draws import uniform
from experiments.miners.pairs import Integers, PairSet, encode
from experiments.miners.reasons import POSITIVE, QUERY_TEXT, REVEALED, SAME_TEXT
from experiments.miners.rows import Rows
from experiments.miners.texts import TextGroups, group_texts


@dataclass(frozen=True)
class Relevant:
    """What answers a query text: its judged documents, and every other document that says the same as one of them.

    pairs: P (query text, document), labelled POSITIVE where judged and SAME_TEXT where a copy. original: (P,) int64,
    the first judged document of the same text, whose seeded draw all of its copies share.
    """

    pairs: PairSet
    original: npt.NDArray[np.int64]


def relevant_pairs(collection: Collection, groups: TextGroups) -> Relevant:
    """Every judged positive of the train split, pooled by query text, and its exact copies (normalised text)."""
    qrels = collection.splits["train"].qrels
    documents = len(collection.corpus)
    judged = PairSet.build(documents, (groups.query[qrels.query], qrels.document, POSITIVE))
    # `judged` is in corpus order, so the first pair of each (query text, passage text) holds its first document.
    texts, first = np.unique(encode(documents, judged.group, groups.document[judged.document]), return_index=True)
    of_text = texts % documents
    group, copies = groups.expand(texts // documents, of_text)
    pairs = PairSet.build(judged.documents, (judged.group, judged.document, POSITIVE), (group, copies, SAME_TEXT))
    original = np.repeat(judged.document[first], groups.size[of_text])[np.lexsort((copies, group))]
    return Relevant(pairs=pairs, original=original)


def exclude(
    rows: Rows, relevant: Relevant, groups: TextGroups, *, data: DataConfig, mining: MiningConfig, seed: int
) -> PairSet:
    """Shown positives and their copies, the query's own text, and the revealed share of the hidden positives.

    With `positives: all` nothing is hidden, so every judged positive of the text counts as shown.
    """
    pairs = relevant.pairs
    if data.positives == "all":
        judged = pairs.label == POSITIVE
        shown_group, shown = pairs.group[judged], pairs.document[judged]
    else:
        shown_group, shown = rows.group, rows.positive.astype(np.int64)
    drawn = uniform(derive_seed(seed, "reveal"), pairs.group, relevant.original)
    revealed = drawn < mining.reveal
    return PairSet.build(
        pairs.documents,
        (shown_group, shown, POSITIVE),
        (*groups.expand(shown_group, groups.document[shown]), SAME_TEXT),
        (*_own_text(np.unique(rows.group), groups), QUERY_TEXT),
        (pairs.group[revealed], pairs.document[revealed], REVEALED),
    )


def most_exclusions(collection: Collection) -> int:
    """The most minable documents that any seed, `positives` and `reveal` could exclude for one query text."""
    groups = group_texts(collection)
    pairs = relevant_pairs(collection, groups).pairs
    everything = PairSet.build(
        pairs.documents,
        (pairs.group, pairs.document, POSITIVE),
        (*_own_text(np.unique(groups.query), groups), QUERY_TEXT),
    )
    return int(everything.count(len(groups.query), collection.minable).max(initial=0))


def _own_text(group: npt.NDArray[np.int64], groups: TextGroups) -> tuple[Integers, npt.NDArray[np.int64]]:
    said = group[groups.own[group] >= 0]
    return groups.expand(said, groups.own[said])

"""Documents that may not be mined for a query text, whatever the miner."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from experiments.config import DataConfig
from experiments.identity import derive_seed
from experiments.ir import Collection
from experiments.memo import remembered
from experiments.miners.draws import uniform
from experiments.miners.pairs import Integers, PairSet, encode
from experiments.miners.parents import Parents, find_parents
from experiments.miners.reasons import POSITIVE, QUERY_TEXT, REVEALED, SAME_GROUP, SAME_TEXT
from experiments.miners.rows import Rows
from experiments.miners.texts import TextGroups, group_texts


@dataclass(frozen=True)
class Relevant:
    """What answers a query text: its judged documents, and every other document that says the same as one of them.

    pairs: P (query text, document), labelled POSITIVE where judged and SAME_TEXT where a copy; original: (P,) int64,
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


@dataclass(frozen=True)
class Exclusions:
    """What may not be mined. by_text: pairs (query text, document); by_row: pairs (row, document)."""

    by_text: PairSet
    by_row: PairSet

    def codes(self, row: Integers, group: Integers, document: Integers) -> npt.NDArray[np.int8]:
        """Why each (row, document) of the broadcast arguments is excluded, a code of reasons.py; 0 where it is not."""
        code = self.by_text.lookup(group, document)
        return np.where(code > 0, code, self.by_row.lookup(row, document))

    def count(self, group: Integers, among: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
        """(R,) how many documents of the (N,) mask `among` are excluded from each row; group: (R,), the rows' texts."""
        of_text = self.by_text.count(int(group.max(initial=-1)) + 1, among)
        return of_text[group] + self.by_row.count(len(group), among)


def exclude_always(rows: Rows, relevant: PairSet, groups: TextGroups, *, data: DataConfig) -> PairSet:
    """Shown positives and their copies, the query's own text, and the query itself under its id (`groups.named`).

    With `positives: all` nothing is hidden, so every judged positive of the text counts as shown.
    """
    if data.positives == "all":
        judged = relevant.label == POSITIVE
        shown_group, shown = relevant.group[judged], relevant.document[judged]
    else:
        shown_group, shown = rows.group, rows.positive.astype(np.int64)
    return PairSet.build(
        relevant.documents,
        (shown_group, shown, POSITIVE),
        (*groups.expand(shown_group, groups.document[shown]), SAME_TEXT),
        (*_own_text(np.unique(rows.group), groups), QUERY_TEXT),
        (*_same_id(groups), QUERY_TEXT),
    )


def exclude_group(always: PairSet, parents: Parents) -> PairSet:
    """`always`, and every document that was cut from the same whole as a shown positive (`mining.same_group`)."""
    shown = always.label == POSITIVE
    pairs = parents.expand(always.group[shown], always.document[shown])
    return PairSet.union(always, PairSet.build(always.documents, (*pairs, SAME_GROUP)))


def reveal(relevant: Relevant, *, share: float, seed: int) -> Relevant:
    """Each relevant pair whose draw lies below `share`, labelled REVEALED: the sets of growing shares are nested."""
    pairs = relevant.pairs
    covered = uniform(derive_seed(seed, "reveal"), pairs.group, relevant.original) < share
    return Relevant(
        pairs=PairSet.build(pairs.documents, (pairs.group[covered], pairs.document[covered], REVEALED)),
        original=relevant.original[covered],
    )


def most_exclusions(collection: Collection, *, ignore_identical_ids: bool = False, same_group: bool = False) -> int:
    """The most minable documents that any seed, `positives` and `reveal` could exclude for one query text."""
    return remembered(
        collection,
        ("most exclusions", ignore_identical_ids, same_group),
        lambda: _most_exclusions(collection, ignore_identical_ids, same_group),
    )


def _most_exclusions(collection: Collection, ignore_identical_ids: bool, same_group: bool) -> int:
    groups = group_texts(collection, ignore_identical_ids=ignore_identical_ids)
    pairs = relevant_pairs(collection, groups).pairs
    everything = PairSet.build(
        pairs.documents,
        (pairs.group, pairs.document, POSITIVE),
        (*_own_text(np.unique(groups.query), groups), QUERY_TEXT),
        (*_same_id(groups), QUERY_TEXT),
    )
    parents = find_parents(collection.corpus) if same_group else None
    if parents is not None:
        everything = exclude_group(everything, parents)
    return int(everything.count(len(groups.query), collection.minable).max(initial=0))


def _same_id(groups: TextGroups) -> tuple[Integers, npt.NDArray[np.int64]]:
    asked = groups.named >= 0
    return groups.query[asked], groups.named[asked]


def _own_text(group: npt.NDArray[np.int64], groups: TextGroups) -> tuple[Integers, npt.NDArray[np.int64]]:
    said = group[groups.own[group] >= 0]
    return groups.expand(said, groups.own[said])

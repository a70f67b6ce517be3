"""Sets of (query text, document) pairs as sorted integer keys, with vectorised membership and counts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[np.integer]


@dataclass(frozen=True)
class PairSet:
    """Pairs (group, document) in ascending order; each carries a small positive label.

    keys: (P,) int64, group * documents + document, strictly ascending. label: (P,) int8.
    """

    documents: int
    keys: npt.NDArray[np.int64]
    label: npt.NDArray[np.int8]

    @staticmethod
    def build(documents: int, *parts: tuple[Integers, Integers, int]) -> PairSet:
        """Union of (groups, documents, label) parts; a pair in several parts keeps the label of the first one."""
        nothing = PairSet(documents=documents, keys=np.zeros(0, dtype=np.int64), label=np.zeros(0, dtype=np.int8))
        return PairSet.union(
            nothing,
            *(
                PairSet(documents, encode(documents, group, document), np.full(len(group), label, dtype=np.int8))
                for group, document, label in parts
            ),
        )

    @staticmethod
    def union(*sets: PairSet) -> PairSet:
        """A pair in several sets keeps the label of the first one."""
        keys = np.concatenate([one.keys for one in sets])
        label = np.concatenate([one.label for one in sets])
        unique, first = np.unique(keys, return_index=True)
        return PairSet(documents=sets[0].documents, keys=unique, label=label[first])

    def lookup(self, group: Integers, document: Integers) -> npt.NDArray[np.int8]:
        """The label of each pair of the broadcast arguments, 0 where it is not in the set."""
        wanted = encode(self.documents, group, document)
        if not len(self.keys):
            return np.zeros(wanted.shape, dtype=np.int8)
        at = np.searchsorted(self.keys, wanted)
        at[at == len(self.keys)] = 0
        return np.where(self.keys[at] == wanted, self.label[at], np.int8(0))

    @property
    def group(self) -> npt.NDArray[np.int64]:
        """(P,) the group of each pair."""
        return self.keys // self.documents

    @property
    def document(self) -> npt.NDArray[np.int64]:
        """(P,) the document of each pair."""
        return self.keys % self.documents

    def count(self, groups: int, among: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
        """(groups,) how many documents of each group are in the (N,) mask `among`."""
        return np.bincount(self.group[among[self.document]], minlength=groups)


def encode(documents: int, group: Integers, document: Integers) -> npt.NDArray[np.int64]:
    """One int64 key a pair."""
    return np.asarray(group.astype(np.int64) * documents + document)

"""Documents that were cut from one whole: what may be excluded with a shown positive, and counted with it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from experiments.ir import Corpus, Positions

Integers = npt.NDArray[np.integer]


@dataclass(frozen=True)
class Parents:
    """What each of N documents was cut from.

    whole: (N,) int64. members: (N,) int64, documents ordered by whole; those of whole w stand at
    start[w]:start[w] + size[w].
    """

    whole: npt.NDArray[np.int64]
    members: npt.NDArray[np.int64]
    start: npt.NDArray[np.int64]
    size: npt.NDArray[np.int64]

    def expand(self, group: Integers, document: Integers) -> tuple[Integers, npt.NDArray[np.int64]]:
        """Pairs (group, document) -> pairs (group, each document of the same whole), each pair once."""
        pairs = np.unique(np.stack([group.astype(np.int64), self.whole[document]]), axis=1)
        size = self.size[pairs[1]]
        within = np.arange(size.sum()) - np.repeat(np.cumsum(size) - size, size)
        return np.repeat(pairs[0], size), self.members[np.repeat(self.start[pairs[1]], size) + within]

    def alike(self, one: Positions, other: Positions) -> npt.NDArray[np.bool_]:
        """Whether documents of the broadcast arguments were cut from the same whole; padding (-1) never was."""
        return np.asarray((self.whole[one] == self.whole[other]) & (one >= 0) & (other >= 0))


def find_parents(corpus: Corpus) -> Parents | None:
    """None where the corpus names none."""
    if not corpus.parents:
        return None
    _, whole = np.unique(np.array(corpus.parents, dtype=np.object_), return_inverse=True)
    size = np.bincount(whole)
    return Parents(
        whole=whole.astype(np.int64),
        members=np.argsort(whole, kind="stable"),
        start=np.cumsum(size) - size,
        size=size,
    )

"""The passages that one run has encoded, kept so that a text which several collections hold is encoded once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from experiments.ir import Scores, hash_texts

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Encoded:
    """Of n texts: vectors (n, d) float32, and lengths (n,), the tokens of each before it is cut, prompt included."""

    vectors: Scores
    lengths: npt.NDArray[np.int64]


Encode = Callable[[Sequence[str]], Encoded]


class Passages:
    """What was encoded, found again by a corpus as a whole and, with `share_texts`, by each text.

    A vector in bf16 depends on the batch it was made in, so that one made for another corpus is another one: there
    only whole corpora are shared. In fp32 the difference is rounding. Texts are taken from earlier collections only,
    so that one collection gives the same vectors to the last bit whether or not others follow.
    """

    def __init__(self, *, share_texts: bool) -> None:
        self.share_texts = share_texts
        self._blocks: list[Encoded] = []
        self._corpora: dict[str, Rows] = {}
        self._earlier: dict[bytes, int] = {}
        self._current: dict[bytes, int] = {}

    def next_collection(self) -> None:
        """What was encoded so far belongs to an earlier collection from now on."""
        self._earlier.update(self._current)
        self._current.clear()

    def encoded(self, texts: Sequence[str], encode: Encode) -> Encoded:
        """Vectors and lengths in the order of `texts`; `encode` is given those that are not known yet, in order."""
        corpus = hash_texts(texts)
        if corpus not in self._corpora:
            self._corpora[corpus] = self._added(texts, encode)
        return self._take(self._corpora[corpus])

    def _added(self, texts: Sequence[str], encode: Encode) -> Rows:
        """The row of each text, over all blocks."""
        names = [_name(text) for text in texts] if self.share_texts else []
        rows = np.asarray([self._earlier.get(name, -1) for name in names] or [-1] * len(texts), dtype=np.int64)
        new = np.nonzero(rows < 0)[0]
        rows[new] = sum(len(block.lengths) for block in self._blocks) + np.arange(len(new))
        if len(new):
            self._blocks.append(encode([texts[i] for i in new.tolist()]))
        if self.share_texts:
            self._current.update((names[i], int(rows[i])) for i in new.tolist())
        return rows

    def _take(self, rows: Rows) -> Encoded:
        vectors = np.empty((len(rows), self._blocks[0].vectors.shape[1]), dtype=np.float32)
        lengths = np.empty(len(rows), dtype=np.int64)
        first = 0
        for block in self._blocks:
            of_block = rows - first
            inside = np.nonzero((of_block >= 0) & (of_block < len(block.lengths)))[0]
            if len(inside) == len(rows) and np.array_equal(of_block, np.arange(len(block.lengths))):
                return block  # as it was encoded: no copy
            vectors[inside], lengths[inside] = block.vectors[of_block[inside]], block.lengths[of_block[inside]]
            first += len(block.lengths)
        return Encoded(vectors, lengths)


def _name(text: str) -> bytes:
    """16 bytes that stand for a text; two texts would share them once in 2**64 texts."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()

"""Texts as sets of n-grams of characters or of words, hashed with NumPy."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, count

import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]

GRAM_BITS = 44
"""Bits of a gram's hash: beside a text's number they fit 64 bits, which one sort makes distinct. Among a million grams
two collide with a probability of 3%, and a collision moves the similarity of texts that hold both by one gram."""
CHUNK_TEXTS = 1 << (64 - GRAM_BITS)
CHUNK_CHARACTERS = 1 << 22
"""Characters read at once: about 300 MB of arrays where grams are of characters."""
MULTIPLIER, MIXER = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9)
SHIFT = np.uint64(31)


@dataclass(frozen=True)
class Grams:
    """T texts, each as the set of its n-grams.

    text: (G,) int64, ascending. gram: (G,) uint64, ascending within a text. size: (T,) int64, how many each text has.
    """

    text: Integers
    gram: Hashes
    size: Integers


def _numbering() -> defaultdict[str, int]:
    """A number for every word, in the order in which they are met."""
    return defaultdict(count().__next__)


@dataclass(frozen=True)
class Shingles:
    """Which n-grams: of `n` characters, or of `n` words (what stands between spaces).

    A text of fewer is one gram, an empty text has none. Grams of two texts are comparable if one and the same value
    made them: it numbers the words that it has met.
    """

    n: int
    words: bool = False
    _numbers: defaultdict[str, int] = field(default_factory=_numbering, repr=False, compare=False)

    def of(self, texts: Sequence[str]) -> Grams:
        """The distinct n-grams of each text of a chunk."""
        codes, length = self._words(texts) if self.words else self._characters(texts)
        if not len(codes):
            return Grams(np.empty(0, np.int64), np.empty(0, np.uint64), np.zeros(len(texts), np.int64))
        text = np.repeat(np.arange(len(texts)), length)
        last = np.repeat(np.cumsum(length) - self.n, length)
        first = np.flatnonzero(np.arange(len(codes)) <= last)
        key = distinct(text[first].astype(np.uint64) << np.uint64(GRAM_BITS) | _hashed(codes, self.n)[first])
        of_text = (key >> np.uint64(GRAM_BITS)).astype(np.int64)
        gram = key & np.uint64((1 << GRAM_BITS) - 1)
        return Grams(text=of_text, gram=gram, size=np.bincount(of_text, minlength=len(texts)))

    def _characters(self, texts: Sequence[str]) -> tuple[Hashes, Integers]:
        """Code points of all texts, one after the other, and how many each has; short texts are filled up with 0."""
        padded = [text.ljust(self.n, "\0") if text else "" for text in texts]
        codes = np.frombuffer("".join(padded).encode("utf-32-le", "surrogatepass"), dtype="<u4")
        return codes.astype(np.uint64), _lengths(padded)

    def _words(self, texts: Sequence[str]) -> tuple[Hashes, Integers]:
        """The same of words, by number."""
        split = [text.split() for text in texts]
        padded = [words + [""] * (self.n - len(words)) if words else words for words in split]
        length, numbers = _lengths(padded), self._numbers
        found = map(numbers.__getitem__, chain.from_iterable(padded))
        return np.fromiter(found, dtype=np.uint64, count=int(length.sum())), length


def text_chunks(texts: Sequence[str]) -> Iterator[slice]:
    """Slices of texts of at most CHUNK_CHARACTERS together (a longer text stands alone)."""
    start, characters = 0, 0
    for end, text in enumerate(texts):
        if end > start and (characters + len(text) > CHUNK_CHARACTERS or end - start == CHUNK_TEXTS):
            yield slice(start, end)
            start, characters = end, 0
        characters += len(text)
    if start < len(texts):
        yield slice(start, len(texts))


def distinct(keys: Hashes) -> Hashes:
    """Sorted distinct keys: as np.unique, which hashes them and took seven times as long on passages."""
    ordered = np.sort(keys)
    return ordered[np.concatenate([[True], ordered[1:] != ordered[:-1]])] if len(ordered) else ordered


def _lengths(texts: Sequence[Sequence[str]]) -> Integers:
    return np.fromiter(map(len, texts), dtype=np.int64, count=len(texts))


def _hashed(codes: Hashes, n: int) -> Hashes:
    """GRAM_BITS bits of the n codes from each place on: a polynomial modulo 2^64, mixed."""
    found = np.zeros(len(codes) - n + 1, dtype=np.uint64)
    for k in range(n):
        found *= MULTIPLIER
        found += codes[k : k + len(found)] + np.uint64(1)
    return ((found ^ (found >> SHIFT)) * MIXER) >> np.uint64(64 - GRAM_BITS)

"""Pairs of texts that are nearly the same: exact Jaccard similarity of their sets of n-grams.

Found by an inverted index with prefix filtering (Chaudhuri et al. 2006, Bayardo et al. 2007): two sets whose similarity
reaches a bar share a gram among the rarest few of each, so only those few are looked up, and every pair that they give
is then counted in full. MinHash (datasketch) would estimate the similarity, and makes its signatures text by text in
Python. Memory is bounded by the chunks in which either side is read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from experiments.collections.grams import Grams, Hashes, Integers, Shingles, distinct, text_chunks

RANK_BITS = np.uint64(32)
CELLS = 1 << 22
"""Postings read, and grams of candidates counted, at once: about 200 MB."""
ROUNDING = 1e-9


@dataclass(frozen=True)
class NearPairs:
    """P pairs (one text, other text) and their similarity, ordered by both: int64 positions and float64."""

    one: Integers
    other: Integers
    similarity: npt.NDArray[np.float64]


@dataclass(frozen=True)
class Index:
    """The texts that others are compared with; a gram is called by its rank, the rarest first.

    vocabulary: (V,) uint64 sorted hashes; rank: (V,) int64, aligned. key: (G,) uint64, text and rank, ascending. size:
    (T,) grams of each text. start: (V + 1,) int64, where a rank's texts begin in `posting`: those that have it
    among the grams that decide.
    """

    vocabulary: Hashes
    rank: Integers
    key: Hashes
    size: Integers
    start: Integers
    posting: Integers


def near_pairs(ones: Sequence[str], others: Sequence[str], *, bar: float, shingles: Shingles) -> NearPairs:
    """All pairs whose similarity is at least `bar` (0 < bar <= 1). The texts are compared as they are given."""
    none = NearPairs(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))
    found = [none, *_in_chunks(ones, others, bar=bar, shingles=shingles)]
    one, other = np.concatenate([pairs.one for pairs in found]), np.concatenate([pairs.other for pairs in found])
    _, first = np.unique(_key(one, other), return_index=True)
    return NearPairs(one[first], other[first], np.concatenate([pairs.similarity for pairs in found])[first])


def _in_chunks(ones: Sequence[str], others: Sequence[str], *, bar: float, shingles: Shingles) -> Iterator[NearPairs]:
    for second in text_chunks(others):
        index = _index(shingles.of(others[second]), bar)
        for first in text_chunks(ones):
            known = _known(shingles.of(ones[first]), index, bar)
            for one, other in _candidates(known, index, bar):
                pairs = _near(one, other, known, index, bar)
                yield NearPairs(pairs.one + first.start, pairs.other + second.start, pairs.similarity)


def _index(grams: Grams, bar: float) -> Index:
    vocabulary = distinct(grams.gram)
    place = np.searchsorted(vocabulary, grams.gram)
    frequency = np.bincount(place, minlength=len(vocabulary))
    rank = np.empty(len(vocabulary), dtype=np.int64)
    rank[np.argsort(frequency, kind="stable")] = np.arange(len(vocabulary))
    key = np.sort(_key(grams.text, rank[place]))
    text, ranks = _unkey(key)
    decides = _place(text, grams.size) < deciding(grams.size, bar)[text]
    order = np.argsort(ranks[decides], kind="stable")
    counts = np.bincount(ranks[decides], minlength=len(vocabulary))
    return Index(
        vocabulary=vocabulary,
        rank=rank,
        key=key,
        size=grams.size,
        start=np.concatenate([[0], np.cumsum(counts)]),
        posting=text[decides][order],
    )


def deciding(size: Integers, bar: float) -> Integers:
    """How many of a set's rarest grams decide: one of them is in every set whose similarity to it reaches `bar`.

    Such a set shares at least bar x size of its grams, so all but size - ceil(bar x size) of them.
    """
    return np.where(size > 0, size - np.ceil(bar * size - ROUNDING).astype(np.int64) + 1, 0)


@dataclass(frozen=True)
class _Known:
    """Of T texts, the grams that an index has, by rank, ascending within a text.

    text, rank: (K,) int64, of texts that may have a partner at all; those of text t stand at first[t]:first[t] +
    size[t]. decides: (K,) bool. whole: (T,) all grams of each text, those included that the index has not.
    """

    text: Integers
    rank: Integers
    decides: npt.NDArray[np.bool_]
    first: Integers
    size: Integers
    whole: Integers


def _known(grams: Grams, index: Index, bar: float) -> _Known:
    if not len(index.vocabulary):
        grams = Grams(grams.text[:0], grams.gram[:0], np.zeros_like(grams.size))
    at = np.searchsorted(index.vocabulary[:-1], grams.gram)
    there = index.vocabulary[at] == grams.gram if len(grams.gram) else np.empty(0, np.bool_)
    size = np.bincount(grams.text[there], minlength=len(grams.size))
    # Grams that no indexed text has are the rarest of all: they fill the places that decide first.
    room = deciding(grams.size, bar) - (grams.size - size)
    there &= room[grams.text] > 0
    size[room <= 0] = 0
    text, rank = _unkey(np.sort(_key(grams.text[there], index.rank[at[there]])))
    return _Known(
        text=text,
        rank=rank,
        decides=_place(text, size) < room[text],
        first=np.cumsum(size) - size,
        size=size,
        whole=grams.size,
    )


def _candidates(known: _Known, index: Index, bar: float) -> Iterator[tuple[Integers, Integers]]:
    """Pairs (text, indexed text) that share a deciding gram and are alike in size, each once a block of postings."""
    text, rank = known.text[known.decides], known.rank[known.decides]
    count = index.start[rank + 1] - index.start[rank]
    for part in _blocks(count):
        posting = _expand(index.start[rank[part]], count[part])
        pair = distinct(_key(np.repeat(text[part], count[part]), index.posting[posting]))
        one, other = _unkey(pair)
        small, large = np.sort([known.whole[one], index.size[other]], axis=0)
        alike = small >= bar * large - ROUNDING
        yield one[alike], other[alike]


def _near(one: Integers, other: Integers, known: _Known, index: Index, bar: float) -> NearPairs:
    """Those of the pairs that reach the bar, by counting every gram they share."""
    shared = np.zeros(len(one), dtype=np.int64)
    count = known.size[one]
    for part in _blocks(count):
        grams = known.rank[_expand(known.first[one[part]], count[part])]
        asked = _key(np.repeat(other[part], count[part]), grams)
        there = index.key[np.searchsorted(index.key[:-1], asked)] == asked
        shared[part] = np.bincount(np.repeat(np.arange(len(one[part])), count[part])[there], minlength=len(one[part]))
    similarity = shared / (known.whole[one] + index.size[other] - shared)
    near = similarity >= bar
    return NearPairs(one[near], other[near], similarity[near])


def _blocks(count: Integers) -> Iterator[slice]:
    """Slices whose counts come to at most CELLS (or one that is larger by itself)."""
    end, start = np.cumsum(count), 0
    while start < len(count):
        before = end[start] - count[start]
        stop = max(int(np.searchsorted(end, before + CELLS, side="right")), start + 1)
        yield slice(start, stop)
        start = stop


def _expand(start: Integers, count: Integers) -> Integers:
    """start[0], start[0] + 1, ... count[0] of them, then those of the next."""
    return np.repeat(start, count) + np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)


def _key(text: Integers, rank: Integers) -> Hashes:
    return text.astype(np.uint64) << RANK_BITS | rank.astype(np.uint64)


def _unkey(key: Hashes) -> tuple[Integers, Integers]:
    return (key >> RANK_BITS).astype(np.int64), (key & np.uint64(0xFFFFFFFF)).astype(np.int64)


def _place(text: Integers, size: Integers) -> Integers:
    """(G,) the place of each gram within its text; `text` ascends."""
    return np.arange(len(text)) - (np.cumsum(size) - size)[text]

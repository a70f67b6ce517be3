"""Which texts repeat a text of several tasks, equally or nearly: of each text and task, the stronger of both."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from experiments.collections.grams import Integers, Shingles
from experiments.collections.near import near_pairs

Levels = npt.NDArray[np.int8]
NEAR, EXACT = 1, 2

CHARACTERS, WORDS = 5, 3
"""A query may have three words, of which one is misspelt, so it is compared by character 5-grams; of two passages, word
3-grams suffice and take a sixth of the time."""


@dataclass(frozen=True)
class Pool:
    """D distinct texts of all tasks. member: (D, tasks) bool, in which each stands; name: the first's task and id."""

    texts: tuple[str, ...]
    member: npt.NDArray[np.bool_]
    name: tuple[tuple[str, str], ...]

    @staticmethod
    def build(tasks: Sequence[str], items: Iterable[tuple[int, str, str]]) -> Pool:
        """items: (task, by position; id; normalised text); blank ones are left out."""
        number: dict[str, int] = {}
        names: list[tuple[str, str]] = []
        stands: list[tuple[int, int]] = []
        for task, name, text in items:
            if not text:
                continue
            stands.append((number.setdefault(text, len(number)), task))
            if len(number) > len(names):
                names.append((tasks[task], name))
        member = np.zeros((len(number), len(tasks)), dtype=np.bool_)
        if stands:
            member[tuple(np.array(stands).T)] = True
        return Pool(tuple(number), member, tuple(names))


@dataclass(frozen=True)
class Matches:
    """Of T texts. level: (T, tasks) int8, 0, NEAR or EXACT.

    partner: (T,) int64, the most similar text of the pool, -1 where there is none; similarity: (T,) float64, 1 = equal.
    """

    level: Levels
    partner: Integers
    similarity: npt.NDArray[np.float64]


def match(texts: Sequence[str], pool: Pool, *, near: float | None, passages: bool) -> Matches:
    """Compare normalised texts with those of a pool. near: the similarity that counts, None = equal texts only.

    passages: both sides are, so they are compared by words.
    """
    number = {text: i for i, text in enumerate(pool.texts)}
    partner = np.fromiter((number.get(text, -1) for text in texts), dtype=np.int64, count=len(texts))
    level = np.zeros((len(texts), pool.member.shape[1]), dtype=np.int8)
    level[partner >= 0] = EXACT * pool.member[partner[partner >= 0]]
    found = Matches(level, partner, (partner >= 0).astype(np.float64))
    if near is not None:
        _add_near(found, texts, pool, near=near, passages=passages)
    return found


def _add_near(found: Matches, texts: Sequence[str], pool: Pool, *, near: float, passages: bool) -> None:
    """Note in `found` what is nearly the same, but for tasks that hold an equal text."""
    ones, others = np.flatnonzero((found.level < EXACT).any(axis=1)), np.arange(len(pool.texts))
    if not passages:
        ones, others = _as_long(ones, texts, others, pool.texts, near)
    shingles = Shingles(WORDS, words=True) if passages else Shingles(CHARACTERS)
    pairs = near_pairs([texts[int(i)] for i in ones], [pool.texts[i] for i in others], bar=near, shingles=shingles)
    one, other = ones[pairs.one], others[pairs.other]
    for task in range(pool.member.shape[1]):
        asked = one[pool.member[other, task]]
        found.level[asked, task] = np.maximum(found.level[asked, task], NEAR)
    order = np.argsort(pairs.similarity, kind="stable")
    order = order[pairs.similarity[order] > found.similarity[one[order]]]
    found.partner[one[order]], found.similarity[one[order]] = other[order], pairs.similarity[order]


def _as_long(
    ones: Integers, texts: Sequence[str], others: Integers, pool: Sequence[str], near: float
) -> tuple[Integers, Integers]:
    """Those of either side that are not too long for every text of the other: a passage that no query comes near."""
    first, second = _lengths(texts)[ones], _lengths(pool)[others]
    fits = first <= second.max(initial=0) / near + CHARACTERS
    return ones[fits], others[second <= first[fits].max(initial=0) / near + CHARACTERS]


def _lengths(texts: Sequence[str]) -> Integers:
    return np.array([len(text) for text in texts], dtype=np.int64)

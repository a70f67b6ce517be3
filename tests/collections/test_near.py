"""Near pairs against a brute force over Python sets, in one chunk and in many."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.collections import grams, near
from experiments.collections.grams import Shingles, text_chunks
from experiments.collections.near import near_pairs

TEXTS = st.lists(st.text(alphabet="ab é\U0001f600\ud800", max_size=14), max_size=8)
"""Few letters, so that many pairs are alike; astral characters and a lone surrogate among them."""
BARS = st.sampled_from([0.1, 0.3, 0.5, 0.7, 0.8, 0.95, 1.0])


def shingle_set(text: str, n: int, *, words: bool) -> set[Any]:
    units: Any = text.split() if words else text
    if not units:
        return set()
    return {tuple(units[i : i + n]) for i in range(max(1, len(units) - n + 1))}


def brute_force(ones: list[str], others: list[str], *, bar: float, n: int, words: bool) -> dict[tuple[int, int], float]:
    found = {}
    for (i, one), (j, other) in itertools.product(enumerate(ones), enumerate(others)):
        a, b = shingle_set(one, n, words=words), shingle_set(other, n, words=words)
        if a and b and len(a & b) / len(a | b) >= bar:
            found[i, j] = len(a & b) / len(a | b)
    return found


def found_pairs(ones: list[str], others: list[str], *, bar: float, n: int, words: bool) -> dict[tuple[int, int], float]:
    pairs = near_pairs(ones, others, bar=bar, shingles=Shingles(n, words=words))
    listed = list(
        zip(zip(pairs.one.tolist(), pairs.other.tolist(), strict=True), pairs.similarity.tolist(), strict=True)
    )
    assert listed == sorted(listed)
    assert len(dict(listed)) == len(listed)
    return dict(listed)


@given(ones=TEXTS, others=TEXTS, bar=BARS, n=st.integers(1, 5), words=st.booleans())
def test_the_pairs_are_those_of_the_definition(
    ones: list[str], others: list[str], bar: float, n: int, words: bool
) -> None:
    asked = {"bar": bar, "n": n, "words": words}
    assert found_pairs(ones, others, **asked) == brute_force(ones, others, **asked)


@given(ones=TEXTS, others=TEXTS, bar=BARS, words=st.booleans())
def test_chunks_change_nothing(ones: list[str], others: list[str], bar: float, words: bool) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(grams, "CHUNK_CHARACTERS", 9)
        patch.setattr(near, "CELLS", 3)
        assert sum(len(texts) for texts in (ones[part] for part in text_chunks(ones))) == len(ones)
        asked = {"bar": bar, "n": 2, "words": words}
        assert found_pairs(ones, others, **asked) == brute_force(ones, others, **asked)


@pytest.mark.parametrize("words", [False, True])
def test_real_sentences_and_what_a_small_change_does_to_them(words: bool) -> None:
    long = "the patients were given the drug twice a day for a week and their pressure was taken each morning"
    ones = [long, long.replace("week", "month"), long[:40], "nothing of the kind", ""]
    others = [long.replace("each morning", "each evening"), long, ""]
    asked = {"bar": 0.6, "n": 3, "words": words}
    found = found_pairs(ones, others, **asked)
    assert found == brute_force(ones, others, **asked)
    assert found[0, 1] == 1.0
    assert {(0, 0), (1, 1)} <= set(found)
    assert not any(one in {2, 3, 4} for one, _ in found)

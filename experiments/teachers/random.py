"""Chance as a teacher: the control for any other."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from experiments.config import RandomTeacher
from experiments.ir import Scores
from experiments.teachers.ranking import ScoreRows
from experiments.teachers.teacher import Prepared, Question, Tools, by_rows

Words = npt.NDArray[np.uint64]
STRIDE = np.uint64(0x9E3779B97F4A7C15)


def prepare(teacher: RandomTeacher, question: Question, _tools: Tools) -> Prepared:
    """Draws whole rows of the corpus; nothing is read but the texts."""
    return by_rows(
        teacher,
        question,
        lambda: random_rows(teacher, queries=question.queries, documents=len(question.collection.corpus)),
    )


def random_rows(teacher: RandomTeacher, *, queries: Sequence[str], documents: int) -> ScoreRows:
    """Uniform float32 in [0, 1), a function of (seed, query text, document position) alone."""
    keys = np.array([_key(teacher.seed, text) for text in queries], dtype=np.uint64)
    steps = np.arange(1, documents + 1, dtype=np.uint64) * STRIDE

    def score_rows(chunk: slice) -> Scores:
        words = mix(keys[chunk, None] + steps)
        return (words >> np.uint64(40)).astype(np.float32) * np.float32(2.0**-24)

    return score_rows


def mix(words: Words) -> Words:
    """SplitMix64's finaliser (Steele, Lea, Flood 2014): each bit of the result depends on every bit given."""
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return words ^ (words >> np.uint64(31))


def _key(seed: int, text: str) -> int:
    return int.from_bytes(hashlib.sha256(f"{seed}\0{text}".encode("utf-8", "surrogatepass")).digest()[:8], "little")

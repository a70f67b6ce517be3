"""BM25's scores are the same to the last bit in every process, whatever order its sets have."""

from __future__ import annotations

import os
import subprocess
import sys

SCORES = """
import random
from experiments.config import Bm25Teacher
from experiments.teachers.bm25 import bm25_rows
draw = random.Random(0)
words = [f"{a}{b}" for a in ("river", "moun", "fore", "oce") for b in ("tain", "st", "an", "ley", "ver")]
texts = [" ".join(draw.choices(words, k=12)) for _ in range(40)]
print(bm25_rows(Bm25Teacher(), queries=texts[:8], passages=texts)(slice(0, 8)).tobytes().hex())
"""


def scores(hash_seed: int) -> str:
    environment = {**os.environ, "PYTHONHASHSEED": str(hash_seed)}
    return subprocess.run(
        [sys.executable, "-c", SCORES], env=environment, capture_output=True, text=True, check=True
    ).stdout


def test_scores_do_not_depend_on_the_order_of_sets() -> None:
    assert scores(1) == scores(2)

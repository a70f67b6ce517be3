"""Texts to vectors by all-MiniLM-L6-v2, beside sentence-transformers' own `encode`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Literal

import numpy as np

from experiments.bench.products import share_of_products
from experiments.bench.values import Case, Given, Sides, Spent
from experiments.bench.vectors import SEED, execution, texts
from experiments.config import DenseTeacher
from experiments.ir import Scores
from experiments.models.device import has_bf16_units
from experiments.models.encoder import load_encoder
from experiments.models.encoding import encode_batches, unit

MINILM = DenseTeacher(name="minilm_l6", source="embedded", pooling="mean", max_length=256, precision="bf16")
BATCH = 32
TEXTS, QUICK = 512, 64


def cases(given: Given) -> Sequence[Case]:
    """In bf16 beside the library's default, fp32, and beside the library in bf16; fp32 where bf16 has no units."""
    count = QUICK if given.quick else TEXTS
    if not has_bf16_units(given.device):
        return [Case(f"{count} docstrings, fp32", partial(_prepare, "fp32", "fp32"), "encode, fp32", target=1.0)]
    return [
        Case(f"{count} docstrings, bf16", partial(_prepare, "bf16", "fp32"), "encode, fp32 (its default)", target=3.8),
        Case(f"{count} docstrings, bf16", partial(_prepare, "bf16", "bf16"), "encode, bf16 weights", target=1.0),
    ]


def _prepare(precision: Literal["fp32", "bf16"], theirs: Literal["fp32", "bf16"], given: Given) -> Sides:
    passages = texts(given).corpus.passages
    drawn = np.random.default_rng(SEED).permutation(len(passages))[: QUICK if given.quick else TEXTS]
    sample = [passages[i] for i in drawn]
    model = load_encoder(MINILM, execution=execution(given), precision=precision)
    other = model if theirs == precision else load_encoder(MINILM, execution=execution(given), precision=theirs)

    def ours(_turn: int) -> Scores:
        found = np.empty((len(sample), 384), dtype=np.float32)
        for positions, vectors in encode_batches(model, sample, role="document", batch_size=BATCH, name=MINILM.name):
            found[positions] = vectors
        return found

    def peer(_turn: int) -> Scores:
        return np.asarray(other.encode(sample, batch_size=BATCH, show_progress_bar=False), dtype=np.float32)

    def limit(spent: Spent) -> str:
        share = share_of_products(lambda: ours(0))
        rest = "the rest is softmax, GELU and norms"
        return f"{share:.0%} of our {spent.cpu:.2f} s are products of matrices, {rest}"

    return Sides(ours, peer, _agreement, limit)


def _agreement(ours: Scores, peer: Scores) -> str:
    cosine = np.sum(unit(ours) * unit(peer), axis=1)
    return f"cosine {cosine.mean():.5f} in the mean, {cosine.min():.5f} at least"

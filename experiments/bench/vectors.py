"""What the bench works on: real texts and vectors, and synthetic vectors of any number."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from experiments.bench.values import Given
from experiments.collections.load import load_collection
from experiments.config import BeirData, DenseTeacher, DocstringsData
from experiments.execution import Execution
from experiments.ir import Collection, Scores
from experiments.models.encoder import load_encoder
from experiments.models.encoding import Role, encode_batches, unit

STATIC = DenseTeacher(name="minilm_tokens", source="embedded_static")
"""The mean of MiniLM's token embeddings: as wide as its vectors, and fast enough for a whole collection."""
DIMENSION = 384
SEED = 0
BATCH = 256


def execution(given: Given) -> Execution:
    """As the bench was asked, with a store in its own folder."""
    return Execution(
        store=given.scratch / "store",
        beir_home=given.beir_home,
        device=given.device,
        threads=given.threads,
        progress=False,
    )


def collection(given: Given) -> Collection:
    """The one that was named, else docstrings. Raises UserError where it is not there."""
    data = docstrings(given) if given.collection is None else BeirData(name=given.collection)
    return load_collection(data, execution=execution(given), cache=given.scratch / "collections")


def docstrings(given: Given) -> DocstringsData:
    """Texts that every machine has, after the set-up."""
    if not given.quick:
        return DocstringsData()
    return DocstringsData(passages=300, train_queries=40, dev_queries=20, test_queries=40)


def texts(given: Given, *, fewer: bool = False) -> Collection:
    """The docstrings, which are the same on every machine; `fewer`: a third of them."""
    sizes = {"passages": 1000, "train_queries": 100, "test_queries": 300, "dev_queries": 200}
    third = docstrings(given).model_copy(update=sizes)
    return load_collection(
        third if fewer and not given.quick else docstrings(given),
        execution=execution(given),
        cache=given.scratch / "collections",
    )


def encoded(given: Given, some: Sequence[str], role: Role) -> Scores:
    """Unit vectors (n, d) of texts by the mean of MiniLM's token embeddings."""
    model = load_encoder(STATIC, execution=execution(given), precision="fp32")
    found = np.empty((len(some), DIMENSION), dtype=np.float32)
    for positions, vectors in encode_batches(model, some, role=role, batch_size=BATCH, name=STATIC.name):
        found[positions] = vectors
    return unit(found)


def random_vectors(count: int, seed: int) -> Scores:
    """Synthetic unit vectors (count, 384), evenly in every direction."""
    drawn = np.random.default_rng([SEED, seed]).standard_normal((count, DIMENSION), dtype=np.float32)
    drawn /= np.linalg.norm(drawn, axis=1, keepdims=True)
    return drawn

"""Stage: texts to vectors, once per (encoder, role, texts)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from experiments.config import DenseTeacher
from experiments.execution import Execution
from experiments.ir import Scores
from experiments.models.encoder import load_encoder
from experiments.models.encoding import Role
from experiments.store import Artifact, Store
from experiments.teachers.dense import embedding_payload, encode
from experiments.versions import EMBED

FILE = "vectors.npy"


def embed(
    texts: Sequence[str], *, encoder: DenseTeacher, role: Role, store: Store, execution: Execution
) -> tuple[Scores, Artifact]:
    """(n, d) float32 vectors of `texts`, mapped from disk, and their artifact."""

    def make(folder: Path) -> None:
        model = load_encoder(encoder, execution=execution, precision=encoder.precision)
        encode(model, texts, encoder=encoder, role=role, execution=execution, out=folder / FILE)

    payload = embedding_payload(texts, encoder=encoder, role=role, execution=execution)
    artifact = store.get_or_make(EMBED.name, payload, make)
    return np.load(artifact.path / FILE, mmap_mode="r"), artifact

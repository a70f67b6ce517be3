"""Stage: texts to vectors, once per (encoder, role, texts)."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from experiments.config import CheckpointTeacher, VectorTeacher
from experiments.execution import Execution
from experiments.ir import Scores
from experiments.models.device import device_memory
from experiments.models.encoder import load_encoder
from experiments.models.encoding import Role
from experiments.models.trained import FindTrained, load_checkpoint, nothing_trained
from experiments.store import Artifact, Store
from experiments.teachers.checkpoint import checkpoint_payload
from experiments.teachers.dense import embedding_payload, encode
from experiments.versions import EMBED

FILE = "vectors.npy"


def embed(
    texts: Sequence[str],
    *,
    encoder: VectorTeacher,
    role: Role,
    store: Store,
    execution: Execution,
    trained: FindTrained = nothing_trained,
) -> tuple[Scores, Artifact]:
    """(n, d) float32 vectors of `texts`, mapped from disk, and their artifact.

    trained: finds the student of another run, for an encoder that is one.
    """
    if isinstance(encoder, CheckpointTeacher):
        found = trained(encoder.run)
        payload = checkpoint_payload(texts, teacher=encoder, found=found, role=role)
        load = functools.partial(load_checkpoint, encoder, found, execution=execution)
        normalize = found.reading.normalize
    else:
        payload = embedding_payload(texts, encoder=encoder, role=role, execution=execution)
        load = functools.partial(load_encoder, encoder, execution=execution, precision=encoder.precision)
        normalize = encoder.normalize

    @device_memory("lower execution.inference_batch_size (in bf16 teacher.encode_batch), or teacher.max_length")
    def make(folder: Path) -> None:
        out = folder / FILE
        encode(load(), texts, encoder=encoder, normalize=normalize, role=role, execution=execution, out=out)

    artifact = store.get_or_make(EMBED.name, payload, make)
    return np.load(artifact.path / FILE, mmap_mode="r"), artifact

"""Stage: texts to vectors, once per (encoder, role, texts); what was stopped goes on at the next shard."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from experiments.config import CheckpointTeacher, VectorTeacher
from experiments.engines.encoders import Encoding
from experiments.engines.select import encoders_of
from experiments.engines.shards import kept_in, whole_batches
from experiments.engines.vectors import write_vectors
from experiments.execution import Execution
from experiments.ir import Scores
from experiments.models.device import device_memory, inference_batch
from experiments.models.encoder import load_encoder
from experiments.models.encoding import Role
from experiments.models.trained import FindTrained, load_checkpoint, nothing_trained
from experiments.store import Artifact, Store
from experiments.teachers.checkpoint import checkpoint_payload
from experiments.teachers.dense import embedding_payload
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
        load = functools.partial(load_checkpoint, encoder, found)
        normalize = found.reading.normalize
    else:
        payload = embedding_payload(texts, encoder=encoder, role=role, execution=execution)
        load = functools.partial(load_encoder, encoder, precision=encoder.precision)
        normalize = encoder.normalize

    @device_memory("lower execution.inference_batch_size (in bf16 teacher.encode_batch), or teacher.max_length")
    def make(folder: Path) -> None:
        from tqdm import tqdm

        batch = encoder.encode_batch if encoder.precision == "bf16" else inference_batch(execution)
        encoding = Encoding(role=role, batch=batch, name=encoder.name, normalize=normalize)
        rows = whole_batches(execution.shard, batch)
        kept = kept_in(store.partial(EMBED.name, payload), store.environment, batch=batch, rows=rows)
        label = f"{encoder.name} encodes {role} texts"
        with (
            tqdm(total=len(texts), desc=label, unit="text", disable=not execution.progress) as bar,
            encoders_of(load, encoding, rows=rows, tell=bar.update, execution=execution) as encoders,
        ):
            write_vectors(encoders, texts, rows=rows, kept=kept, out=folder / FILE)

    artifact = store.get_or_make(EMBED.name, payload, make)
    return np.load(artifact.path / FILE, mmap_mode="r"), artifact

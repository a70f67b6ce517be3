"""The trained student of another run as teacher: what names its embeddings. It ranks as any bi-encoder does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from experiments.config import CheckpointTeacher
from experiments.ir import hash_texts
from experiments.models.encoding import Role
from experiments.models.trained import Trained
from experiments.versions import EMBED


def checkpoint_payload(
    texts: Sequence[str], *, teacher: CheckpointTeacher, found: Trained, role: Role
) -> dict[str, Any]:
    """All that can change an embedding; the student counts by its base and by what its weights hold."""
    reading = found.reading
    return {
        **EMBED.payload,
        "student": found.key,
        "max_length": teacher.max_length,
        "precision": teacher.precision,
        "role": role,
        "prompt": reading.query_prompt if role == "query" else reading.document_prompt,
        "texts": hash_texts(texts),
        **({"encode_batch": teacher.encode_batch} if teacher.precision == "bf16" else {}),
    }

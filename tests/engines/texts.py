"""Texts of many lengths, the tiny random encoder as a folder, and the vectors that batches in one order give."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from experiments.config import DenseTeacher, TinyStudent
from experiments.execution import Execution
from experiments.ir import Scores
from experiments.models.encoder import load_encoder
from experiments.models.encoding import encode_batches, unit
from experiments.models.student import build_student

TEXTS = [f"{'very ' * (i * 7 % 23)}long text number {i}" for i in range(90)]


def tiny_teacher(folder: Path, **fields: object) -> tuple[DenseTeacher, Execution]:
    """The tiny encoder as a teacher, and an execution that knows where it lies."""
    here = Execution(device="cpu", progress=False, threads=1, inference_batch_size=8, model_paths={"tiny": folder})
    if not folder.exists():
        build_student(TinyStudent(), execution=here).save_pretrained(str(folder))
    teacher = DenseTeacher.model_validate({"name": "tiny", "source": "folder", "pooling": "mean", **fields})
    return teacher, here


def expected(texts: Sequence[str], teacher: DenseTeacher, execution: Execution) -> Scores:
    """One batch after another over the whole list, each vector put at its text's position."""
    model = load_encoder(teacher, execution=execution, precision=teacher.precision)
    batch = teacher.encode_batch if teacher.precision == "bf16" else execution.inference_batch_size or 32
    vectors = np.empty((len(texts), model.get_embedding_dimension()), dtype=np.float32)
    for at, part in encode_batches(model, texts, role="document", batch_size=batch, name="tiny"):
        vectors[at] = unit(part) if teacher.normalize else part
    return vectors

"""A config.StudentConfig as a model to train or to evaluate, and the name of its weights."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from experiments.config import DistilledStudent, ModelStudent, Precision, StudentConfig, TinyStudent
from experiments.errors import UserError
from experiments.execution import Execution
from experiments.identity import digest, identity_payload
from experiments.models.encoder import load_encoder, load_fitted, resolved_models
from experiments.models.tiny import build_tiny
from experiments.models.weights import EMBEDDED_SHA256

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


def build_student(
    student: StudentConfig,
    *,
    execution: Execution,
    dropout: float | None = None,
    attention: str | None = None,
    precision: Precision = "fp32",
    fitted: Path | None = None,
) -> SentenceTransformer:
    """The base model, in evaluation mode, on its device.

    `fitted` is the folder of a distilled student's saved weights. Raises UserError where it is missing,
    MissingModelError where a model's weights cannot be had.
    """
    match student:
        case TinyStudent():
            model = build_tiny(student, execution=execution, dropout=dropout, attention=attention)
            return _cast(model, precision)
        case ModelStudent():
            return load_encoder(student, execution=execution, dropout=dropout, attention=attention, precision=precision)
        case DistilledStudent():
            if fitted is None:
                raise UserError(f"student {student.name} has not been fitted yet: run the distill stage first")
            return load_fitted(
                fitted, student.base, execution=execution, dropout=dropout, attention=attention, precision=precision
            )


def student_key(student: StudentConfig) -> str:
    """Names an untrained student: its config, the checksum of embedded weights, the commit of unpinned hub weights."""
    payload = {"student": identity_payload(student), "embedded": EMBEDDED_SHA256["model.safetensors"]}
    commits = resolved_models([student])
    return digest(payload | ({"commits": commits} if commits else {}))


def _cast(model: SentenceTransformer, precision: Precision) -> SentenceTransformer:
    import torch

    return model.to(torch.bfloat16) if precision == "bf16" else model

"""A config.StudentConfig as a model to train or to evaluate, and the name of its weights."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from experiments.config import DistilledStudent, LowRankAdapter, ModelStudent, Precision, StudentConfig, TinyStudent
from experiments.errors import UserError
from experiments.execution import Execution
from experiments.identity import digest, identity_payload
from experiments.models.adapters import add_adapter, read_adapter
from experiments.models.direction import look_both_ways
from experiments.models.encoder import load_encoder, load_fitted, resolved_models
from experiments.models.prompts import pool_without_prompt
from experiments.models.saved import load_model
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
    """The base model, in evaluation mode, on its device, without an adapter.

    `fitted` is the folder of a distilled student's saved weights. Raises UserError where it is missing,
    MissingModelError where a model's weights cannot be had.
    """
    match student:
        case TinyStudent():
            model = build_tiny(student, execution=execution, dropout=dropout, attention=attention)
            return _cast(model, precision)
        case ModelStudent():
            model = load_encoder(
                student, execution=execution, dropout=dropout, attention=attention, precision=precision
            )
            return _read_as(model, student)
        case DistilledStudent():
            if fitted is None:
                raise UserError(f"student {student.name} has not been fitted yet: run the distill stage first")
            return load_fitted(
                fitted, student.base, execution=execution, dropout=dropout, attention=attention, precision=precision
            )


def trainable(
    student: StudentConfig,
    *,
    seed: int,
    execution: Execution,
    dropout: float | None = None,
    attention: str | None = None,
    fitted: Path | None = None,
) -> SentenceTransformer:
    """The base model as training takes it: fp32, or with a fresh adapter (drawn by `seed`) over frozen weights."""
    adapter = _adapter_of(student)
    model = build_student(
        student,
        execution=execution,
        dropout=dropout,
        attention=attention,
        precision="fp32" if adapter is None else adapter.base_precision,
        fitted=fitted,
    )
    if adapter is not None:
        add_adapter(model, adapter, seed=seed)
    return model


def load_trained(
    student: StudentConfig, folder: Path, *, execution: Execution, precision: Precision, attention: str
) -> SentenceTransformer:
    """A trained student from the folder it was saved to, in evaluation mode; an adapter's base is loaded anew."""
    if _adapter_of(student) is not None:
        model = build_student(student, execution=execution, attention=attention, precision=precision)
        read_adapter(model, folder)
        return model
    base = student.base if isinstance(student, DistilledStudent) else student
    remote = getattr(base, "trust_remote_code", False)
    model = load_model(folder, execution=execution, precision=precision, attention=attention, trust_remote_code=remote)
    return _read_as(model, student) if isinstance(student, ModelStudent) else model


def student_key(student: StudentConfig) -> str:
    """Names an untrained student: its config, the checksum of embedded weights, the commit of unpinned hub weights."""
    payload = {"student": identity_payload(student), "embedded": EMBEDDED_SHA256["model.safetensors"]}
    commits = resolved_models([student])
    return digest(payload | ({"commits": commits} if commits else {}))


def _adapter_of(student: StudentConfig) -> LowRankAdapter | None:
    return student.adapter if isinstance(student, ModelStudent) else None


def _read_as(model: SentenceTransformer, student: ModelStudent) -> SentenceTransformer:
    """The attention's direction and the pooling of prompts, as the config says."""
    if student.attention_direction == "bidirectional":
        look_both_ways(model, name=student.name)
    if not student.pool_prompt:
        pool_without_prompt(model)
    return model


def _cast(model: SentenceTransformer, precision: Precision) -> SentenceTransformer:
    import torch

    return model.to(torch.bfloat16) if precision == "bf16" else model

"""A config.BaseStudent as a model to train or to evaluate, and the name of its weights."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from experiments.config import (
    BaseStudent,
    DistilledStudent,
    Encoder,
    LowRankAdapter,
    ModelStudent,
    Precision,
    TinyStudent,
)
from experiments.errors import UserError
from experiments.execution import Execution
from experiments.identity import digest, identity_payload
from experiments.models.adapters import add_adapter, continue_adapter, read_adapter
from experiments.models.direction import look_both_ways
from experiments.models.encoder import load_encoder, load_fitted, resolved_models
from experiments.models.prompts import pool_without_prompt
from experiments.models.saved import load_model
from experiments.models.tiny import build_tiny
from experiments.models.weights import EMBEDDED_SHA256

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


def build_student(
    student: BaseStudent,
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
    student: BaseStudent,
    *,
    seed: int,
    execution: Execution,
    dropout: float | None = None,
    attention: str | None = None,
    fitted: Path | None = None,
    trained: Path | None = None,
) -> SentenceTransformer:
    """The base model as training takes it: fp32, or with a fresh adapter (drawn by `seed`) over frozen weights.

    `trained` is the folder of the same student's trained weights, from which training goes on: an adapter is continued.
    """
    adapter = _adapter_of(student)
    if trained is not None and adapter is None:
        return _trained_weights(student, trained, execution=execution, dropout=dropout, attention=attention)
    model = build_student(
        student,
        execution=execution,
        dropout=dropout,
        attention=attention,
        precision="fp32" if adapter is None else adapter.base_precision,
        fitted=fitted,
    )
    if adapter is not None and trained is not None:
        continue_adapter(model, trained, adapter, seed=seed)
    elif adapter is not None:
        add_adapter(model, adapter, seed=seed)
    return model


def _trained_weights(
    student: BaseStudent, folder: Path, *, execution: Execution, dropout: float | None, attention: str | None
) -> SentenceTransformer:
    """All weights of a trained student, in fp32, read as its base is."""
    base = encoder_of(student)
    static = base.source == "embedded_static"
    if static and dropout:
        raise UserError(f"train.dropout={dropout}: {base.name} has no layers to drop from: use 0 or null")
    model = load_fitted(folder, base, execution=execution, dropout=None if static else dropout, attention=attention)
    return _read_as(model, student) if isinstance(student, ModelStudent) else model


def encoder_of(student: BaseStudent) -> Encoder:
    """A student's prompts, pooling and last module."""
    match student:
        case ModelStudent():
            return student
        case DistilledStudent():
            return student.base
        case TinyStudent():
            return Encoder(
                name=student.name, query_prompt=student.query_prompt, document_prompt=student.document_prompt
            )


def load_trained(
    student: BaseStudent, folder: Path, *, execution: Execution, precision: Precision, attention: str
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


def student_key(student: BaseStudent) -> str:
    """Names an untrained student: its config, the checksum of embedded weights, the commit of unpinned hub weights."""
    payload = {"student": identity_payload(student), "embedded": EMBEDDED_SHA256["model.safetensors"]}
    commits = resolved_models([student])
    return digest(payload | ({"commits": commits} if commits else {}))


def _adapter_of(student: BaseStudent) -> LowRankAdapter | None:
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

"""Fit a cut-down base to its teacher's embeddings of unlabelled training text. Never of test text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from experiments.config import DenseTeacher, DistilledStudent
from experiments.errors import UserError
from experiments.execution import Execution
from experiments.files import write_json
from experiments.identity import derive_seed, identity_payload
from experiments.ir import Collection, Scores, hash_texts, normalise_text
from experiments.models.device import device_in_key, device_memory, resolve_device
from experiments.models.encoder import weights_identity
from experiments.models.lengths import set_lengths
from experiments.models.saved import save_model
from experiments.models.student import build_student, student_key
from experiments.store import Artifact, Store
from experiments.versions import DISTILL

EmbedTexts = Callable[..., tuple[Scores, Artifact]]
"""embed(texts, *, encoder, role) -> (vectors, artifact)."""


def distill(
    *, student: DistilledStudent, collection: Collection, store: Store, execution: Execution, embed: EmbedTexts
) -> tuple[Path, Artifact]:
    """The folder of the fitted weights and their artifact. Raises UserError without a train split or on odd widths."""
    queries, documents = training_texts(collection)

    @device_memory("lower student.batch_size or student.passage_length")
    def make(folder: Path) -> None:
        losses = _fit(student, queries, documents, execution=execution, embed=embed, folder=folder / "model")
        write_json(folder / "losses.json", [round(loss, 6) for loss in losses])

    payload: dict[str, Any] = {
        **DISTILL.payload,
        "student": identity_payload(student),
        "base": student_key(student.base),
        "teacher": weights_identity(student.teacher, execution=execution),
        "queries": hash_texts(queries),
        "documents": hash_texts(documents),
        **device_in_key(resolve_device(execution)),
    }
    artifact = store.get_or_make(DISTILL.name, payload, make)
    return artifact.path / "model", artifact


def training_texts(collection: Collection) -> tuple[list[str], list[str]]:
    """Queries of the train pool and passages judged in train, less every text that another split asks or judges.

    Raises UserError without a train split, or where nothing is left.
    """
    train = collection.splits.get("train")
    if train is None:
        raise UserError(f"collection {collection.name} has no train split to distil on: use another student")
    others = [split for name, split in collection.splits.items() if name != "train"]
    asked = {normalise_text(text) for split in others for text in split.queries.texts}
    answers = {collection.corpus.normalised[d] for split in others for d in np.unique(split.qrels.document)}
    judged = [collection.corpus.passages[d] for d in np.unique(train.qrels.document)]
    queries, documents = _distinct(train.queries.texts, asked), _distinct(judged, asked | answers)
    if not queries and not documents:
        raise UserError(
            f"collection {collection.name} has no training text that its other splits neither ask nor judge to distil "
            "on: use another student"
        )
    return queries, documents


def _distinct(texts: Sequence[str], kept_back: set[str]) -> list[str]:
    return [text for text in dict.fromkeys(texts) if normalise_text(text) not in kept_back]


def _fit(
    student: DistilledStudent,
    queries: list[str],
    documents: list[str],
    *,
    execution: Execution,
    embed: EmbedTexts,
    folder: Path,
) -> list[float]:
    from experiments.training.distiller import Lesson, fit_to_vectors

    model = build_student(student.base, execution=execution, dropout=0.0)
    set_lengths(model, query=student.passage_length, document=student.passage_length)
    vectors = _teacher_vectors(student.teacher, queries, documents, embed)
    width = model.get_embedding_dimension()
    if vectors.shape[1] != width:
        raise UserError(
            f"student {student.name} has {width} dimensions, its teacher {student.teacher.name} {vectors.shape[1]}: "
            "choose a teacher of the same width"
        )
    roles = ["query"] * len(queries) + ["document"] * len(documents)
    losses = fit_to_vectors(
        model,
        Lesson(texts=[*queries, *documents], role=roles, vectors=vectors),
        student=student,
        seed=derive_seed(student.seed, DISTILL.name),
        title=f"fit {student.name} to {student.teacher.name}" if execution.progress else None,
    )
    save_model(model, folder)
    return losses


def _teacher_vectors(teacher: DenseTeacher, queries: list[str], documents: list[str], embed: EmbedTexts) -> Scores:
    sides = [(texts, role) for texts, role in ((queries, "query"), (documents, "document")) if texts]
    return np.concatenate([np.asarray(embed(texts, encoder=teacher, role=role)[0]) for texts, role in sides])

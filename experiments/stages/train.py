"""Fine-tune a student on mined rows. Equal rows under equal settings train once, wherever the rows came from."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from experiments.config import InfoNCE, RunConfig
from experiments.errors import UserError
from experiments.execution import Execution
from experiments.files import write_json
from experiments.identity import derive_seed, identity_payload
from experiments.ir import NO_DOCUMENT, Collection, Negatives, hash_texts
from experiments.models.device import resolve_device
from experiments.models.lengths import set_lengths
from experiments.models.saved import save_model
from experiments.models.student import build_student, student_key
from experiments.records.schema import TrainingFacts
from experiments.store import Artifact, Store
from experiments.training.facts import Curve, training_facts
from experiments.versions import TRAIN

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

SPREAD_DOCUMENTS = 128
"""Documents whose mean cosine tells whether the embeddings have collapsed."""


def train(
    *,
    config: RunConfig,
    collection: Collection,
    negatives: Negatives,
    fitted: Path | None,
    store: Store,
    execution: Execution,
    on_log: Callable[[int, dict[str, float]], None],
) -> tuple[Path, TrainingFacts, Artifact]:
    """The folder of the trained model, what training left behind, and the artifact, whose key names the student.

    `fitted` is the folder of a distilled base. Raises UserError for fewer rows than a batch or a diverging loss.
    """
    settings = _settings(config, negatives)

    def make(folder: Path) -> None:
        model, curve = _fit(config, settings, collection, negatives, fitted=fitted, execution=execution, on_log=on_log)
        cosine = _mean_cosine(model.eval(), collection, negatives)
        facts = training_facts(settings, rows=len(negatives), width=width, curve=curve, mean_cosine=cosine)
        save_model(model, folder / "model")
        write_json(folder / "facts.json", facts.model_dump(mode="json"))

    width = 1 + negatives.document.shape[1]
    payload = train_payload(config=config, collection=collection, negatives=negatives, fitted=fitted)
    artifact = store.get_or_make(TRAIN.name, payload, make)
    facts = TrainingFacts.model_validate(json.loads((artifact.path / "facts.json").read_text(encoding="utf-8")))
    return artifact.path / "model", facts, artifact


def train_payload(
    *, config: RunConfig, collection: Collection, negatives: Negatives, fitted: Path | None
) -> dict[str, Any]:
    """What names a trained student: its rows and their texts, its base, how and with which seed it is trained."""
    from experiments.training.rows import row_ids, row_texts_hash

    ids = row_ids(collection, negatives)
    return {
        **TRAIN.payload,
        "rows": len(ids),
        "row_ids": hash_texts(part for row in ids for part in (str(len(row)), *row)),
        "row_texts": row_texts_hash(collection, negatives),
        "width": negatives.document.shape[1],
        "train": identity_payload(config.train),
        "student": student_key(config.student),
        "fitted": fitted.parent.name if fitted is not None else None,
        "seed": derive_seed(config.seed, TRAIN.name),
    }


def _settings(config: RunConfig, negatives: Negatives) -> InfoNCE:
    settings = config.train
    if not isinstance(settings, InfoNCE):
        raise UserError("train=none trains nothing: use train=infonce")
    if len(negatives) < settings.batch_size:
        raise UserError(
            f"{len(negatives)} training rows are fewer than train.batch_size={settings.batch_size}: "
            "loosen the miner, add training queries, or lower train.batch_size"
        )
    return settings


def _fit(
    config: RunConfig,
    settings: InfoNCE,
    collection: Collection,
    negatives: Negatives,
    *,
    fitted: Path | None,
    execution: Execution,
    on_log: Callable[[int, dict[str, float]], None],
) -> tuple[SentenceTransformer, Curve]:
    """The trained model and its loss and learning rate at every step."""
    from experiments.training.loss import InfoNCELoss
    from experiments.training.rows import row_dataset, row_groups
    from experiments.training.trainer import fit

    curve: Curve = []

    def keep(step: int, values: dict[str, float]) -> None:
        curve.append((step, values))
        on_log(step, values)

    model = _base(config, settings, fitted, execution)
    groups = row_groups(collection, negatives)
    fit(
        model,
        InfoNCELoss(model, groups, temperature=settings.temperature, in_batch=settings.in_batch),
        row_dataset(collection, negatives),
        train=settings,
        seed=derive_seed(config.seed, TRAIN.name),
        device=resolve_device(execution),
        title=f"train {config.student.name} on {config.miner.kind}, seed {config.seed}" if execution.progress else None,
        on_log=keep,
    )
    return model, curve


def _base(config: RunConfig, settings: InfoNCE, fitted: Path | None, execution: Execution) -> SentenceTransformer:
    model = build_student(
        config.student, execution=execution, dropout=settings.dropout, attention=settings.attention, fitted=fitted
    )
    set_lengths(model, query=settings.query_length, document=settings.passage_length)
    if settings.freeze_token_embeddings:
        model[0].auto_model.get_input_embeddings().requires_grad_(False)
    return model


def _mean_cosine(model: SentenceTransformer, collection: Collection, negatives: Negatives) -> float:
    """Mean cosine between distinct documents of the training rows, at most SPREAD_DOCUMENTS evenly spaced ones."""
    used = np.unique(np.concatenate([negatives.positive, negatives.document.ravel()]))
    used = used[used != NO_DOCUMENT]
    chosen = used[np.linspace(0, len(used) - 1, min(len(used), SPREAD_DOCUMENTS)).astype(int)]
    passages = [collection.corpus.passages[d] for d in chosen]
    vectors = model.encode_document(passages, normalize_embeddings=True, show_progress_bar=False).astype(np.float64)
    n = len(vectors)
    return float((np.square(vectors.sum(axis=0)).sum() - n) / (n * (n - 1))) if n > 1 else 1.0

"""Fine-tune a student on mined rows. Equal rows under equal settings train once, wherever the rows came from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from experiments.config import DistillKL, InfoNCE, MarginMSE, RunConfig, Training, collections_of
from experiments.errors import UserError
from experiments.execution import Execution
from experiments.files import StorageError, write_json
from experiments.identity import derive_seed, identity_payload
from experiments.ir import NO_DOCUMENT, Collection, Negatives, Positions, hash_texts
from experiments.models.device import device_in_key, device_memory, resolve_device
from experiments.models.garbage import keep_libraries
from experiments.models.lengths import set_lengths
from experiments.models.reading import freeze_token_embeddings
from experiments.models.saved import save_model
from experiments.models.student import trainable
from experiments.models.trained import Trained, base_of, start_key
from experiments.records.facts import TrainingFacts
from experiments.store import Artifact, Store, stage_key
from experiments.tracking import RunStopped
from experiments.training.checkpoints import Checkpoints
from experiments.training.facts import Curve, training_facts
from experiments.training.guide import Guide
from experiments.training.watch import Watch
from experiments.versions import TRAIN

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

SPREAD_DOCUMENTS = 128
"""Documents whose mean cosine tells whether the embeddings have collapsed."""


def _nobody_asks(_key: str) -> None:
    """For a caller that does not ask which student is trained."""


def train(
    *,
    config: RunConfig,
    collection: Collection,
    negatives: Negatives,
    fitted: Path | None,
    guide: Guide | None = None,
    part: Positions | None = None,
    start: Trained | None = None,
    store: Store,
    execution: Execution,
    on_log: Callable[[int, dict[str, float]], None],
    on_student: Callable[[str], None] = _nobody_asks,
    watch: Watch | None = None,
) -> tuple[Path, TrainingFacts, Artifact]:
    """The folder of the trained model, what training left behind, and the artifact, whose key names the student.

    `fitted` is the folder of a distilled base, `guide` the vectors that a guide mask reads, `part` (R,) the part of a
    mixture that each row comes from, where a batch has rows of one alone, `start` the student of another run from which
    training goes on. Where there is something to train, `on_student` is told its key first, `on_log` every step and
    what `watch` measures; whatever they raise ends the training. Raises UserError for fewer rows than a batch, for rows
    without the scores that distillation learns, or for a diverging loss.
    """
    settings = _settings(config, negatives)
    if part is not None:
        _check_parts(config, settings, part)

    @device_memory("use train.micro_batch=8, train.gradient_checkpointing=true, or shorter texts or batches")
    def make(folder: Path) -> None:
        on_student(stage_key(TRAIN.name, payload))
        with _kept_when_interrupted(checkpoints):
            model, curve = _fit(
                config,
                settings,
                collection,
                negatives,
                fitted=fitted,
                guide=guide,
                part=part,
                start=start,
                execution=execution,
                on_log=on_log,
                watch=watch,
                folder=folder,
                checkpoints=checkpoints,
            )
        cosine = _mean_cosine(model.eval(), collection, negatives)
        facts = training_facts(settings, rows=len(negatives), width=width, curve=curve, mean_cosine=cosine)
        save_model(model, folder / "model")
        write_json(folder / "facts.json", facts.model_dump(mode="json"))

    width = 1 + negatives.document.shape[1]
    payload = train_payload(
        config=config,
        collection=collection,
        negatives=negatives,
        fitted=fitted,
        guide=guide,
        part=part,
        start=start,
        device=resolve_device(execution),
    )
    checkpoints = _checkpoints(store, payload, execution)
    artifact = store.get_or_make(TRAIN.name, payload, make)
    facts = TrainingFacts.model_validate(json.loads((artifact.path / "facts.json").read_text(encoding="utf-8")))
    return artifact.path / "model", _with_counts(facts, artifact.path, settings, collection, negatives), artifact


def _checkpoints(store: Store, payload: Mapping[str, Any], execution: Execution) -> Checkpoints | None:
    if execution.checkpoint_every is None:
        return None
    folder = store.partial(TRAIN.name, payload)
    return Checkpoints(folder, every=execution.checkpoint_every, environment=store.environment)


@contextmanager
def _kept_when_interrupted(checkpoints: Checkpoints | None) -> Iterator[None]:
    """Drop the checkpoints of a training that would end in the same way again: stopped on purpose, or diverged."""
    try:
        yield
    except (RunStopped, UserError) as error:
        if checkpoints is not None and not isinstance(error, StorageError):
            checkpoints.give_up()
        raise


def _with_counts(
    facts: TrainingFacts, folder: Path, settings: Training, collection: Collection, negatives: Negatives
) -> TrainingFacts:
    from experiments.training.masked import mask_counts

    if not isinstance(settings, InfoNCE):
        return facts
    return facts.model_copy(update=mask_counts(folder, collection, negatives, in_batch=settings.in_batch))


def train_payload(
    *,
    config: RunConfig,
    collection: Collection,
    negatives: Negatives,
    fitted: Path | None,
    guide: Guide | None = None,
    part: Positions | None = None,
    start: Trained | None = None,
    device: str = "cpu",
) -> dict[str, Any]:
    """What names a trained student: its rows and their texts, its base, how and with which seed it is trained.

    With a guide its vectors' keys, too, under distillation the scores that are learned, which rows may share a batch
    where not all may, and the type of a device that is no CPU.
    """
    from experiments.training.rows import row_ids, row_texts_hash

    ids = row_ids(collection, negatives)
    return {
        **TRAIN.payload,
        "rows": len(ids),
        "row_ids": hash_texts(part for row in ids for part in (str(len(row)), *row)),
        "row_texts": row_texts_hash(collection, negatives),
        "width": negatives.document.shape[1],
        "train": identity_payload(config.train),
        "student": start_key(config.student, start),
        "fitted": fitted.parent.name if fitted is not None else None,
        "seed": derive_seed(config.seed, TRAIN.name),
        **({"guide": guide.keys} if guide is not None else {}),
        **_labels_hash(config, negatives),
        **({"part": _hash(part, "<i4")} if part is not None else {}),
        **device_in_key(device),
    }


def _labels_hash(config: RunConfig, negatives: Negatives) -> dict[str, str]:
    """The sha256 of the scores that distillation learns; nothing where it learns none."""
    if not isinstance(config.train, MarginMSE | DistillKL):
        return {}
    from experiments.training.distillation import teacher_labels

    labels = teacher_labels(config.train, negatives)
    return {"labels": _hash(labels, "<f4")}


def _hash(values: npt.NDArray[np.generic], dtype: str) -> str:
    return hashlib.sha256(np.ascontiguousarray(values, dtype=dtype).tobytes()).hexdigest()


def _settings(config: RunConfig, negatives: Negatives) -> Training:
    settings = config.train
    if not isinstance(settings, Training):
        raise UserError("train=none trains nothing: use train=infonce")
    if len(negatives) < settings.batch_size:
        raise UserError(
            f"{len(negatives)} training rows are fewer than train.batch_size={settings.batch_size}: "
            "loosen the miner, add training queries, or lower train.batch_size"
        )
    return settings


def _check_parts(config: RunConfig, settings: Training, part: Positions) -> None:
    """Raises UserError for a part that cannot fill a batch: it would never be trained on."""
    names = list(collections_of(config.data))
    rows = dict(zip(names, np.bincount(part, minlength=len(names)), strict=True))
    for name, count in rows.items():
        if count < settings.batch_size:
            raise UserError(
                f"data.batches=by_collection: {count} training rows of {name} are fewer than "
                f"train.batch_size={settings.batch_size}: give it more queries, lower the batch, or use "
                "data.batches=mixed"
            )


def _fit(
    config: RunConfig,
    settings: Training,
    collection: Collection,
    negatives: Negatives,
    *,
    fitted: Path | None,
    guide: Guide | None,
    part: Positions | None,
    start: Trained | None,
    execution: Execution,
    on_log: Callable[[int, dict[str, float]], None],
    watch: Watch | None,
    folder: Path,
    checkpoints: Checkpoints | None,
) -> tuple[SentenceTransformer, Curve]:
    """The trained model and its loss and learning rate at every step; what was masked is left in `folder`."""
    from experiments.training.cached import in_micro_batches
    from experiments.training.loss import InfoNCELoss
    from experiments.training.objective import make_objective
    from experiments.training.rows import row_dataset
    from experiments.training.trainer import fit

    keep_libraries("train")
    curve: Curve = []

    def keep(step: int, values: dict[str, float]) -> None:
        curve.append((step, values))
        on_log(step, values)

    model = _base(config, settings, fitted, start, execution)
    loss = make_objective(model, settings, collection=collection, negatives=negatives, guide=guide)
    masked = loss.log if isinstance(loss, InfoNCELoss) else None
    fit(
        model,
        in_micro_batches(loss, settings.micro_batch),
        row_dataset(collection, negatives),
        train=settings,
        part=part,
        seed=derive_seed(config.seed, TRAIN.name),
        device=resolve_device(execution),
        workers=execution.workers,
        title=f"train {config.student.name} on {config.miner.kind}, seed {config.seed}" if execution.progress else None,
        on_log=keep,
        watch=watch,
        masked=masked,
        checkpoints=checkpoints,
    )
    if masked is not None:
        masked.save(folder)
    return model, curve


def _base(
    config: RunConfig, settings: Training, fitted: Path | None, start: Trained | None, execution: Execution
) -> SentenceTransformer:
    model = trainable(
        base_of(config.student, start),
        seed=derive_seed(config.seed, "adapter"),
        execution=execution,
        dropout=settings.dropout,
        attention=settings.attention,
        fitted=fitted,
        trained=start.folder if start is not None else None,
    )
    set_lengths(model, query=settings.query_length, document=settings.passage_length)
    if settings.freeze_token_embeddings:
        freeze_token_embeddings(model)
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

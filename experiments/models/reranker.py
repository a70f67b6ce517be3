"""A cross-encoder: a query and a document read together, one score for the pair."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from experiments.config import RerankerTeacher
from experiments.errors import UserError
from experiments.execution import Execution
from experiments.ir import Scores
from experiments.models.device import inference_batch, resolve_device
from experiments.models.encoder import loading, locate, model_options, weights_identity
from experiments.models.encoding import first_words
from experiments.models.reading import let_pad
from experiments.models.tiny import save_tiny_reranker
from experiments.models.weights import EMBEDDED_SHA256

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder

Pair = tuple[str, str]
HEADLESS = ("Model", "ForMaskedLM")
"""How architectures are named that score no pair: transformers would give them a random head."""


def reranker_identity(teacher: RerankerTeacher, *, execution: Execution) -> dict[str, str | None]:
    """What names the weights."""
    if teacher.source == "tiny":
        return {"source": "tiny", "name": None, "revision": EMBEDDED_SHA256["tokenizer.json"]}
    return weights_identity(teacher, execution=execution)


def load_reranker(teacher: RerankerTeacher, *, execution: Execution) -> CrossEncoder:
    """The model on its device, in evaluation mode; its scores as `activation` says, whatever its own files say.

    Raises MissingModelError when the weights cannot be had, UserError for what they cannot do.
    """
    if teacher.source == "tiny":
        with tempfile.TemporaryDirectory() as scratch:
            save_tiny_reranker(Path(scratch))
            return _load(teacher, scratch, {}, execution)
    return _load(teacher, *locate(teacher, execution), execution)


def _load(teacher: RerankerTeacher, place: str, options: dict[str, Any], execution: Execution) -> CrossEncoder:
    from sentence_transformers import CrossEncoder
    from torch import nn

    with loading(teacher.name):
        model = CrossEncoder(
            place,
            device=resolve_device(execution),
            model_kwargs=model_options(None, teacher.precision),
            activation_fn=nn.Sigmoid() if teacher.activation == "sigmoid" else nn.Identity(),
            **options,
        )
    _check_head(model, teacher)
    let_pad(model)
    if teacher.max_length is not None:
        _set_max_length(model, teacher.max_length)
    return model.eval()


def _check_head(model: CrossEncoder, teacher: RerankerTeacher) -> None:
    architecture = next(iter(getattr(model.config, "architectures", None) or ()), "")
    if len(model) == 1 and architecture.endswith(HEADLESS):
        raise UserError(
            f"{teacher.name} is a {architecture}, which has no head that scores a pair: name a cross-encoder, or use "
            "the model as a dense teacher (teacher=hub)"
        )
    if model.num_labels != 1:
        raise UserError(
            f"{teacher.name} gives {model.num_labels} scores for a pair, and a ranking needs one: name a cross-encoder "
            "with one label"
        )


def _set_max_length(model: CrossEncoder, max_length: int) -> None:
    positions = getattr(model.config, "max_position_embeddings", None)
    if positions is not None and max_length > positions:
        raise UserError(
            f"teacher.max_length={max_length}: the model has {positions} positions: use {positions} or fewer"
        )
    model.max_length = max_length


def score_text_pairs(
    model: CrossEncoder, pairs: Sequence[Pair], *, teacher: RerankerTeacher, execution: Execution
) -> Scores:
    """(P,) float32 scores of (query, document) texts, in batches of similar length, the longest pairs first.

    Raises UserError, naming the teacher, the query and the document, for a score that is not finite.
    """
    from tqdm import tqdm

    batch_size = teacher.score_batch if teacher.precision == "bf16" else inference_batch(execution)
    scores = np.empty(len(pairs), dtype=np.float32)
    lengths = np.fromiter((len(query) + len(document) for query, document in pairs), dtype=np.int64, count=len(pairs))
    order = np.argsort(-lengths, kind="stable")
    with tqdm(total=len(pairs), desc=f"{teacher.name} scores", unit="pair", disable=not execution.progress) as bar:
        for start in range(0, len(order), batch_size):
            at = order[start : start + batch_size]
            batch = [pairs[i] for i in at]
            found = np.asarray(model.predict(batch, batch_size=batch_size, show_progress_bar=False), dtype=np.float32)
            _check_finite(found, batch, teacher)
            scores[at] = found
            bar.update(len(at))
    return scores


def _check_finite(scores: Scores, pairs: Sequence[Pair], teacher: RerankerTeacher) -> None:
    broken = np.flatnonzero(~np.isfinite(scores))
    if len(broken):
        query, document = (first_words(text) for text in pairs[broken[0]])
        raise UserError(
            f"teacher {teacher.name} gives the query {query} and the document {document} the score "
            f"{scores[broken[0]]}: a ranking needs finite scores, use fp32 or another teacher"
        )

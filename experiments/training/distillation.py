"""Distillation from the scores of the teacher that mined the negatives, through sentence-transformers' losses."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from sentence_transformers.sentence_transformer.losses import DistillKLDivLoss, MarginMSELoss
from sentence_transformers.util import pairwise_dot_score
from torch import Tensor, nn

from experiments.config import DistillKL, MarginMSE
from experiments.errors import UserError
from experiments.ir import Negatives, Scores
from experiments.training.loss import EmbeddingLoss


class DistillationLoss(EmbeddingLoss):
    """The library's loss between a row's student cosines and the teacher's `labels` (R, n) or (R, 1 + n)."""

    def __init__(self, model: nn.Module, settings: MarginMSE | DistillKL, labels: Scores) -> None:
        super().__init__(model)
        self.library: Any = _library(settings)
        self._labels: Tensor
        self.register_buffer("_labels", torch.as_tensor(labels), persistent=False)

    def of_embeddings(self, query: Tensor, document: Tensor, rows: Tensor) -> Tensor:
        """Mean loss of unit vectors: query (B, d), document (B, 1 + n, d), row indices (B,)."""
        labels = self._labels[rows.to(self._labels.device)]
        loss: Tensor = self.library.compute_loss_from_embeddings([query, *document.unbind(1)], labels)
        return loss


def teacher_labels(settings: MarginMSE | DistillKL, negatives: Negatives) -> Scores:
    """float32: margins (R, n) for MarginMSE, scores (R, 1 + n), the positive's first, for KL.

    Raises UserError for a negative without a score, and for a row whose scores are not of one teacher under KL, since
    scores of two teachers are never compared; a margin is of one teacher always.
    """
    missing = int(np.isnan(negatives.gap).any(axis=1).sum())
    if missing:
        raise UserError(
            f"train={settings.kind} learns the scores of a teacher, but {missing} of {len(negatives)} rows have a "
            "negative without one (miner=random, mining.shortfall=backfill or fewer): "
            "rank them with a teacher and use mining.shortfall=drop"
        )
    if isinstance(settings, MarginMSE):
        return negatives.gap
    if (negatives.teacher != negatives.teacher[:, :1]).any():
        raise UserError(
            "train=kl compares the scores of a row's negatives, which here come from several teachers: "
            "use train=margin_mse, or an ensemble that gives each row to one teacher"
        )
    return np.concatenate([negatives.positive_score[:, :1], negatives.score], axis=1)


def _library(settings: MarginMSE | DistillKL) -> Any:
    """It is given vectors, so it needs no model."""
    model = nn.Identity()
    if isinstance(settings, MarginMSE):
        scale = settings.scale
        return MarginMSELoss(model, similarity_fct=lambda one, other: scale * pairwise_dot_score(one, other))
    return DistillKLDivLoss(
        model, student_temperature=settings.temperature, teacher_temperature=settings.teacher_temperature
    )

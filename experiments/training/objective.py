"""The loss that a training config names."""

from __future__ import annotations

from torch import nn

from experiments.config import DistillKL, InfoNCE, MarginMSE, Training
from experiments.ir import Collection, Negatives
from experiments.training.distillation import DistillationLoss, teacher_labels
from experiments.training.guide import Guide
from experiments.training.loss import EmbeddingLoss, InfoNCELoss
from experiments.training.masks import make_mask
from experiments.training.rows import row_groups


def make_objective(
    model: nn.Module, settings: Training, *, collection: Collection, negatives: Negatives, guide: Guide | None
) -> EmbeddingLoss:
    """The loss of `model` on rows of `negatives`. Raises UserError for rows that lack the scores it learns."""
    match settings:
        case MarginMSE() | DistillKL():
            return DistillationLoss(model, settings, teacher_labels(settings, negatives))
        case InfoNCE():
            groups = row_groups(collection, negatives)
            return InfoNCELoss(
                model,
                groups,
                temperature=settings.temperature,
                in_batch=settings.in_batch,
                mask=make_mask(settings.mask, groups, negatives, guide),
                hardness=settings.hardness,
                hardness_scope=settings.hardness_scope,
            )
    raise TypeError(f"{type(settings).__name__} names no loss")

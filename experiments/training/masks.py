"""In-batch masks: which documents are left out of a query's softmax besides padding (config: `train.mask`)."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from experiments.config import GuideMask, MaskConfig, NoMask, SelfMask
from experiments.ir import Negatives, Positions
from experiments.training.batch import Batch, RowGroups
from experiments.training.guide import Guide
from experiments.training.pairs import PairSet
from experiments.training.rows import row_documents


class Mask(nn.Module):
    """What is left out of each query's softmax; what it says of padding and of a row's own positive is not read."""

    def masked(self, batch: Batch, scores: Tensor, /) -> Tensor:
        """(B, C) bool, given the student's scores (B, C)."""
        raise NotImplementedError


class NothingMasked(Mask):
    """Masks nothing."""

    def masked(self, _: Batch, scores: Tensor, /) -> Tensor:
        """All False."""
        return torch.zeros_like(scores, dtype=torch.bool)


class KnownPositives(Mask):
    """Masks what stands in any training row as a positive of the same query."""

    def __init__(self, groups: RowGroups) -> None:
        super().__init__()
        self.pairs = PairSet(groups.query, groups.document[:, 0], queries=int(groups.query.max()) + 1)

    def masked(self, batch: Batch, _: Tensor, /) -> Tensor:
        """Looked up; the student's scores are not read."""
        return self.pairs.among(batch)


class AboveSelf(Mask):
    """Masks what the student scores above the positive's score + margin."""

    def __init__(self, settings: SelfMask) -> None:
        super().__init__()
        self.settings = settings

    def masked(self, batch: Batch, scores: Tensor, /) -> Tensor:
        """By the scores as they are at this step, without gradient."""
        found = scores.detach()
        bar = found.gather(1, batch.target[:, None]) + self.settings.margin
        return _in_scope(found > bar, batch, self.settings.scope)


class AboveGuide(Mask):
    """Masks what a guide scores above its score of the positive less a margin.

    query: (R,), document: (R, 1 + n) positions of each row's texts in the guide's vectors, which stay where they are
    (mapped from disk): a batch reads its own.
    """

    def __init__(self, settings: GuideMask, guide: Guide, *, query: Positions, document: Positions) -> None:
        super().__init__()
        self.settings, self.guide = settings, guide
        self.query, self.document = query, document

    def masked(self, batch: Batch, scores: Tensor, /) -> Tensor:
        """By the guide's inner products; the student's scores are not read."""
        rows = batch.rows.cpu().numpy()
        query, document = self.guide.query[self.query[rows]], self.guide.document[self.document[rows]]
        device = scores.device
        found = batch.scores(_float(query, device), _float(document, device))
        bar = self._bar(found.gather(1, batch.target[:, None]))
        return _in_scope(found > bar, batch, self.settings.scope)

    def _bar(self, positive: Tensor) -> Tensor:
        if self.settings.strategy == "relative":
            return positive - positive.abs() * self.settings.margin
        return positive - self.settings.margin


def make_mask(settings: MaskConfig, groups: RowGroups, negatives: Negatives, guide: Guide | None) -> Mask:
    """The mask that a config names. Raises ValueError where a guide mask is given no vectors."""
    match settings:
        case NoMask():
            return NothingMasked()
        case SelfMask():
            return AboveSelf(settings)
        case GuideMask():
            if guide is None:
                raise ValueError(f"the mask of the guide {settings.teacher.name} needs its vectors")
            return AboveGuide(settings, guide, query=negatives.query, document=row_documents(negatives))
    return KnownPositives(groups)


def _in_scope(masked: Tensor, batch: Batch, scope: Literal["in_batch", "all"]) -> Tensor:
    return masked & ~batch.own if scope == "in_batch" else masked


def _float(vectors: np.ndarray[tuple[int, ...], np.dtype[np.float32]], device: torch.device) -> Tensor:
    return torch.as_tensor(np.ascontiguousarray(vectors, dtype=np.float32), device=device)

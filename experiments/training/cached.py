"""A loss in micro-batches: the gradients of the whole batch in the memory of a part of it.

Gao et al. 2021 (GradCache), through sentence-transformers' CachedLossMixin, since its own cached losses lack our masks:
every text is embedded without a graph, the loss of the whole batch gives the gradient at each vector, and the texts are
embedded again, micro-batch after micro-batch, with the same dropout draws.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from sentence_transformers.base.losses.gradcache import CachedLossMixin, has_static_embedding_input
from torch import Tensor, nn

from experiments.errors import UserError
from experiments.training.loss import EmbeddingLoss


class CachedLoss(CachedLossMixin, nn.Module):  # type: ignore[misc]
    """`loss`, a function of the vectors of a whole batch, whose model embeds `micro_batch` texts at once."""

    def __init__(self, loss: EmbeddingLoss, *, micro_batch: int) -> None:
        super().__init__()
        self.loss = loss
        self.model: nn.Module = loss.model
        self.mini_batch_size = micro_batch

    def forward(self, features: Sequence[dict[str, Any]], rows: Tensor) -> Tensor:
        """Mean loss of a batch, as `loss` gives it; its backward pass embeds the texts again."""
        mean: Tensor = CachedLossMixin.forward_cached(self, features, rows)
        return mean

    def calculate_loss(
        self, reps: list[list[Tensor]], labels: Tensor | None = None, *, with_backward: bool = False
    ) -> Tensor:
        """Mean loss from the vectors of queries and documents, each in micro-batches (b, d); `labels` are the rows."""
        if labels is None:
            raise ValueError("the rows of the batch are needed: their masks depend on them")
        query, document = (torch.cat(parts) for parts in reps)
        with torch.autocast(query.device.type, enabled=False):
            vectors = document.float().view(len(labels), -1, document.shape[-1])
            mean = self.loss.of_embeddings(query.float(), vectors, labels)
            if with_backward:
                torch.autograd.backward(mean)
                return mean.detach()
        return mean


def in_micro_batches(loss: EmbeddingLoss, micro_batch: int | None) -> nn.Module:
    """`loss` itself, or in micro-batches. Raises UserError for those of a static model, which has nothing to save."""
    if micro_batch is None:
        return loss
    if has_static_embedding_input(loss.model):
        raise UserError("train.micro_batch: a static model has no layers whose memory could be saved: use null")
    return CachedLoss(loss, micro_batch=micro_batch)

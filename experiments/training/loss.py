"""InfoNCE over the positive, the row's own hard negatives and the rest of the batch.

van den Oord et al. 2018; where nothing is masked it equals sentence-transformers' MultipleNegativesRankingLoss with
scale = 1 / temperature and its hardness options (tested, value and gradient).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn

from experiments.training.batch import Batch, RowGroups
from experiments.training.mask_log import MaskLog
from experiments.training.masks import KnownPositives, Mask


class EmbeddingLoss(nn.Module):
    """A loss of the unit vectors of B queries and of their rows' documents."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, features: Sequence[dict[str, Any]], rows: Tensor) -> Tensor:
        """Mean loss of a batch: features of B queries and of B x (1 + n) documents, row indices (B,)."""
        query, document = (self.model(feature)["sentence_embedding"] for feature in features)
        with torch.autocast(query.device.type, enabled=False):
            return self.of_embeddings(query.float(), document.float().view(len(rows), -1, document.shape[-1]), rows)

    def of_embeddings(self, query: Tensor, document: Tensor, rows: Tensor) -> Tensor:
        """Mean loss of unit vectors: query (B, d), document (B, 1 + n, d), row indices (B,)."""
        raise NotImplementedError


class InfoNCELoss(EmbeddingLoss):
    """Cross-entropy of each query's positive among the documents it is scored against.

    Padding is masked, and what `mask` says (None = a query's positives that stand in any training row), the row's own
    positive never. in_batch: score against all documents of the batch, else against the row's own. hardness: times the
    cosine, without gradient, is added to the logits of the negatives in hardness_scope. log: what was masked.
    """

    def __init__(
        self,
        model: nn.Module,
        groups: RowGroups,
        *,
        temperature: float,
        in_batch: bool,
        mask: Mask | None = None,
        hardness: float = 0.0,
        hardness_scope: Literal["hard", "in_batch", "all"] = "all",
    ) -> None:
        super().__init__(model)
        self.temperature, self.in_batch = temperature, in_batch
        self.hardness, self.hardness_scope = hardness, hardness_scope
        self.mask = KnownPositives(groups) if mask is None else mask
        self.log = MaskLog()
        self._query: Tensor
        self._document: Tensor
        self.register_buffer("_query", torch.as_tensor(groups.query), persistent=False)
        self.register_buffer("_document", torch.as_tensor(groups.document), persistent=False)

    def of_embeddings(self, query: Tensor, document: Tensor, rows: Tensor) -> Tensor:
        """Mean loss of unit vectors: query (B, d), document (B, 1 + n, d), row indices (B,)."""
        batch = self.batch(rows)
        scores = batch.scores(query, document)
        logits = scores / self.temperature
        if self.hardness > 0.0:
            logits = logits + self.hardness * scores.detach() * self._weighed(batch)
        masked = self.masked(batch, scores)
        self.log.add(rows, masked)
        return nn.functional.cross_entropy(logits.masked_fill(masked | batch.padding, -torch.inf), batch.target)

    def batch(self, rows: Tensor) -> Batch:
        """The rows of indices (B,), on the device of the loss."""
        here = rows.to(self._query.device)
        return Batch(rows=here, query=self._query[here], document=self._document[here], in_batch=self.in_batch)

    def masked(self, batch: Batch, scores: Tensor) -> Tensor:
        """Bool, the shape of the scores (B, C): what the mask leaves out; padding is left out besides."""
        return self.mask.masked(batch, scores) & ~batch.positive & ~batch.padding

    def _weighed(self, batch: Batch) -> Tensor:
        """(B, C) bool: the negatives that hardness adds to."""
        match self.hardness_scope:
            case "hard":
                return batch.own & ~batch.positive
            case "in_batch":
                return ~batch.own
        return ~batch.positive

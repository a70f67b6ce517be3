"""InfoNCE over the positive, the row's own hard negatives and the rest of the batch.

van den Oord et al. 2018; where nothing is masked it equals sentence-transformers' MultipleNegativesRankingLoss with
scale = 1 / temperature (tested, value and gradient).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from experiments.ir import NO_DOCUMENT


@dataclass(frozen=True)
class RowGroups:
    """Which query and which documents stand in each training row, up to equality of text.

    query: (R,) int64. document: (R, 1 + n) int64, the shown positive first, NO_DOCUMENT where padded.
    """

    query: npt.NDArray[np.int64]
    document: npt.NDArray[np.int64]


class InfoNCELoss(nn.Module):
    """Cross-entropy of each query's positive among the documents it is scored against.

    A query's positives that stand in any training row are masked, its own row's positive apart; so is padding.
    in_batch: score against all documents of the batch, else against the row's own.
    """

    def __init__(self, model: nn.Module, groups: RowGroups, *, temperature: float, in_batch: bool) -> None:
        super().__init__()
        self.model = model
        self.temperature = temperature
        self.in_batch = in_batch
        self._query = torch.as_tensor(groups.query)
        self._document = torch.as_tensor(groups.document)
        self._stride = int(self._document.max()) + 1
        self._positives = self._pair(self._query, self._document[:, 0])

    def forward(self, features: Sequence[dict[str, Any]], rows: Tensor) -> Tensor:
        """Mean loss of a batch: features of B queries and of B x (1 + n) documents, row indices (B,)."""
        query, document = (self.model(feature)["sentence_embedding"] for feature in features)
        with torch.autocast(query.device.type, enabled=False):
            return self.of_embeddings(query.float(), document.float().view(len(rows), -1, document.shape[-1]), rows)

    def of_embeddings(self, query: Tensor, document: Tensor, rows: Tensor) -> Tensor:
        """Mean loss of unit vectors: query (B, d), document (B, 1 + n, d), row indices (B,)."""
        masked = self.masked(rows.cpu()).to(query.device)
        if self.in_batch:
            scores = query @ document.flatten(0, 1).T
            target = torch.arange(len(rows), device=query.device) * document.shape[1]
        else:
            scores = torch.einsum("bd,bnd->bn", query, document)
            target = torch.zeros(len(rows), dtype=torch.long, device=query.device)
        return nn.functional.cross_entropy((scores / self.temperature).masked_fill(masked, -torch.inf), target)

    def masked(self, rows: Tensor) -> Tensor:
        """Bool, the shape of the scores: (B, B x (1 + n)) in batch, else (B, 1 + n)."""
        document = self._document[rows]
        own = torch.zeros(len(rows), *document.shape, dtype=torch.bool)
        own[range(len(rows)), range(len(rows)), 0] = True
        pairs = self._pair(self._query[rows][:, None, None], document[None])
        masked = (torch.isin(pairs, self._positives) & ~own) | (document == NO_DOCUMENT)[None]
        return masked.flatten(1) if self.in_batch else masked[range(len(rows)), range(len(rows))]

    def _pair(self, query: Tensor, document: Tensor) -> Tensor:
        return query * self._stride + document

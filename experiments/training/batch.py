"""The documents that each query of a batch is scored against, as columns of one matrix."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from experiments.ir import NO_DOCUMENT


@dataclass(frozen=True)
class RowGroups:
    """Which query and which documents stand in each training row, up to equality of text.

    query: (R,) int64. document: (R, 1 + n) int64, the shown positive first, NO_DOCUMENT where padded.
    """

    query: npt.NDArray[np.int64]
    document: npt.NDArray[np.int64]


@dataclass(frozen=True)
class Batch:
    """B rows of W = 1 + n documents, on one device.

    rows: (B,) int64 indices of training rows. query: (B,), document: (B, W) int64 numbers as in RowGroups. in_batch:
    each query is scored against all C = B x W documents, row by row, else against its own C = W.
    """

    rows: Tensor
    query: Tensor
    document: Tensor
    in_batch: bool

    @property
    def target(self) -> Tensor:
        """(B,) int64: the column of each row's shown positive."""
        if self.in_batch:
            return torch.arange(len(self.rows), device=self.rows.device) * self.document.shape[1]
        return torch.zeros(len(self.rows), dtype=torch.long, device=self.rows.device)

    @property
    def positive(self) -> Tensor:
        """(B, C) bool: the row's own shown positive."""
        columns = self.document.numel() if self.in_batch else self.document.shape[1]
        return torch.arange(columns, device=self.rows.device) == self.target[:, None]

    @property
    def own(self) -> Tensor:
        """(B, C) bool: the documents of the row itself, its positive among them."""
        if not self.in_batch:
            return torch.ones_like(self.document, dtype=torch.bool)
        same = torch.eye(len(self.rows), dtype=torch.bool, device=self.rows.device)
        return same.repeat_interleave(self.document.shape[1], dim=1)

    @property
    def padding(self) -> Tensor:
        """(B, C) bool: columns that hold no document."""
        empty = self.document == NO_DOCUMENT
        return empty.flatten().expand(len(self.rows), -1) if self.in_batch else empty

    def scores(self, query: Tensor, document: Tensor) -> Tensor:
        """(B, C) inner products of (B, d) with (B, W, d)."""
        if self.in_batch:
            return query @ document.flatten(0, 1).T
        return torch.einsum("bd,bnd->bn", query, document)

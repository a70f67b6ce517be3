"""A set of (query, document) pairs that tells, without a search, which pairs of a batch are in it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from experiments.training.batch import Batch


class PairSet(nn.Module):
    """Pairs of numbers (query, document) of (P,) int64 each, both 0 or above, grouped by query.

    A batch of 128 x 640 costs one write of 640 numbers and one read per pair of its queries, where `torch.isin` sorts
    81,920 pairs at each step. queries: how many there are, their numbers below it.
    """

    def __init__(self, query: npt.NDArray[np.int64], document: npt.NDArray[np.int64], *, queries: int) -> None:
        super().__init__()
        pairs = np.unique(np.stack([query, document]), axis=1)
        count = np.bincount(pairs[0], minlength=queries)
        documents = int(pairs[1].max(initial=-1)) + 1
        self.start: Tensor
        self.count: Tensor
        self.document: Tensor
        self.column: Tensor
        for name, values in (
            ("start", np.cumsum(count) - count),
            ("count", count),
            ("document", pairs[1]),
            ("column", np.zeros(documents, dtype=np.int64)),
        ):
            self.register_buffer(name, torch.as_tensor(values), persistent=False)

    def among(self, batch: Batch) -> Tensor:
        """(B, C) bool: whether a row's query and a document that it is scored against are a pair."""
        found = self._table(batch.query, batch.document.flatten())
        if batch.in_batch:
            return found
        own = torch.arange(len(batch.query), device=found.device)
        return found.view(len(own), *batch.document.shape)[own, own]

    def _table(self, query: Tensor, document: Tensor) -> Tensor:
        """(B, D) bool for (B,) queries and (D,) documents, which may repeat or be NO_DOCUMENT."""
        columns = torch.arange(len(document), device=document.device)
        paired = (document >= 0) & (document < len(self.column))
        self.column[document[paired]] = columns[paired]
        row, of_row = self._pairs_of(query)
        # What an earlier batch wrote is still there: a column counts only if it holds the document today.
        at = self.column[of_row].clamp(max=len(document) - 1)
        hit = document[at] == of_row
        found = torch.zeros(len(query), len(document), dtype=torch.bool, device=document.device)
        found[row[hit], at[hit]] = True
        first = columns.clone()
        first[paired] = self.column[document[paired]]
        return found[:, first]

    def _pairs_of(self, query: Tensor) -> tuple[Tensor, Tensor]:
        """The pairs of (B,) queries: the row of each, and its document."""
        count = self.count[query]
        row = torch.repeat_interleave(torch.arange(len(query), device=query.device), count)
        within = torch.arange(len(row), device=query.device) - torch.repeat_interleave(count.cumsum(0) - count, count)
        return row, self.document[self.start[query][row] + within]

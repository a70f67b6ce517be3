"""The scores of many pairs at once on the CPU, to the bit those of `score_pairs`.

A sampled product of matrices (SDDMM) in float64 reads both vectors of a pair where they lie: 0.1 to 0.2 us a pair of
384 dimensions where gathering, widening and summing takes 3 us. Pairs are taken document by document, so that the
queries of a chunk stay in the cache.
"""

from __future__ import annotations

import functools
import warnings
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from experiments.ir import Scores
from experiments.slices import slices
from experiments.teachers.pairs import IN_FLOAT64, round_sums

WIDENED = 1 << 25
"""Numbers of a corpus that is held in float64 as a whole: 256 MiB."""
GATHERED = 1 << 21
"""Numbers gathered at once of a larger one: 16 MiB in float64."""

Integers = npt.NDArray[np.integer]


@dataclass(frozen=True)
class Rescorer:
    """Scores pairs of queries (Q, d) and documents (N, d).

    widened: the documents in float64, None where they are too many. rounding: how far a sum in float64 may lie from
    that of `score_pairs`.
    """

    queries: Scores
    documents: Scores
    widened: npt.NDArray[np.float64] | None
    rounding: float

    @staticmethod
    def of(queries: Scores, documents: Scores, *, rounding: float) -> Rescorer:
        """For these vectors; rounding: that of `pairs.rounding`."""
        _expect_no_warning()
        widened = documents.astype(np.float64) if documents.size <= WIDENED else None
        return Rescorer(queries, documents, widened, rounding * IN_FLOAT64)

    def scores(self, start: int, query: Integers, document: Integers) -> Scores:
        """(P,) float32 of the pairs (start + query, document), ascending by document."""
        score = np.empty(len(query), dtype=np.float32)
        step = max(1, len(query) if self.widened is not None else GATHERED // max(1, self.documents.shape[1]))
        for some in slices(len(query), step):
            score[some] = self._scores(start, query[some], document[some])
        return score

    def _scores(self, start: int, query: Integers, document: Integers) -> Scores:
        total = self._sums(start, query, document)
        return round_sums(total, self.queries[start:], self.documents, query, document, rounding=self.rounding)

    def _sums(self, start: int, query: Integers, document: Integers) -> npt.NDArray[np.float64]:
        import torch

        right = self.widened
        if right is None:
            new = np.diff(document, prepend=-1) != 0
            right, document = self.documents[document[new]].astype(np.float64), np.cumsum(new) - 1
        first = np.zeros(len(right) + 1, dtype=np.int64)
        np.cumsum(np.bincount(document, minlength=len(right)), out=first[1:])
        left = self.queries[start : start + int(query.max()) + 1].astype(np.float64)
        pattern = torch.sparse_csr_tensor(
            torch.from_numpy(first),
            torch.from_numpy(query.astype(np.int64, copy=False)),
            torch.zeros(len(query), dtype=torch.float64),
            size=(len(right), len(left)),
            check_invariants=False,
        )
        found = torch.sparse.sampled_addmm(pattern, torch.from_numpy(right), torch.from_numpy(left).T, beta=0.0)
        sums: npt.NDArray[np.float64] = found.values().numpy()
        return sums


@functools.cache
def _expect_no_warning() -> None:
    """Torch says once a process that sparse tensors are in beta; a filter is not for threads, so it says so here."""
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.sparse_csr_tensor(torch.tensor([0, 1]), torch.tensor([0]), torch.zeros(1), check_invariants=False)

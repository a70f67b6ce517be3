"""A search in bf16: which documents can be among the k best of a query, by products whose error is bounded.

Units of a CPU that multiply in bf16 (AMX, AVX-512) are 2 to 8 times as fast as in float32. A chunk of queries is
multiplied with a block of documents, and the maximum is taken of each group of documents. Each maximum is some
document's product, so the k-th largest of them is reached by k documents, and whatever may be among the k best reaches
it less twice the error. Those documents are named; their scores are for others to say.

What is multiplied are the documents less their mean: that takes the same from all scores of a query, and the error,
which grows with the lengths, is as much smaller as the documents have in common.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from experiments.ir import Scores

if TYPE_CHECKING:
    from torch import Tensor

QUERIES = 1 << 10
"""Queries of a chunk."""
HELD, MOST = 1 << 28, 1 << 16
"""Products held at once by all threads together, 512 MiB, and documents of a block."""
GROUP = 16
"""Documents of a group, which stand far apart in the corpus: neighbours are alike, and a group has one maximum."""
GROUPS = 8
"""Groups for each of the k documents, at least: with fewer, too many of the best share one."""
WIDEST = 4
"""A query for which so many times k documents may be among the k best is left open."""
SAMPLE = 1 << 12
"""Documents whose mean stands for that of all."""
SLICE = 1 << 18
"""Numbers rounded at once, 1 MiB."""
COMPARED = 1 << 19
"""Products compared at once, so that the second level of the cache holds them and the answers."""
NONE = np.int16(np.iinfo(np.int16).max)
"""Above the bits of every product."""

Bits = npt.NDArray[np.int16]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Buffers:
    """Memory that one thread uses chunk after chunk: products of queries and documents, and which of them count."""

    documents: int
    products: Tensor
    reached: Tensor

    @staticmethod
    def of(*, queries: int, k: int, documents: int, threads: int = 1) -> Buffers:
        """For chunks of so many queries, a search of k and a corpus of so many documents.

        threads: that have such buffers each. A block has k groups at least.
        """
        import torch

        most = max(GROUP * k, min(documents, MOST, HELD // (threads * queries)) // GROUP * GROUP)
        products = torch.empty(queries * most, dtype=torch.bfloat16)
        return Buffers(most, products, torch.empty(min(len(products), max(COMPARED, queries)), dtype=torch.bool))

    def product(self, documents: int, queries: int) -> Tensor:
        """Where the products of so many are put."""
        return self.products[: documents * queries].view(documents, queries)


@dataclass(frozen=True)
class Net:
    """P pairs (query of the chunk, document), ascending by document; open: (q,) bool, queries that have none yet."""

    query: Integers
    document: Integers
    open: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Halves:
    """N documents less their mean in bf16, followed by zeros up to whole groups: (N', d).

    reach: the greatest length of a document. longest: of one less the mean; residual: of what rounding took from that.
    """

    values: Tensor
    group: int
    reach: float
    longest: float
    residual: float

    @staticmethod
    def of(documents: Scores, *, k: int) -> Halves:
        """The documents (N, d), less their mean and rounded, for searches of k."""
        import torch

        count, width = documents.shape
        group = next(size for size in (GROUP, 8, 4, 2, 1) if size == 1 or count // size >= GROUPS * k)
        values = torch.zeros((-(-count // group) * group, width), dtype=torch.bfloat16)
        mean = torch.from_numpy(documents[:: max(1, count // SAMPLE)].mean(axis=0, dtype=np.float32))
        step, reach, longest, residual = max(1, SLICE // width), 0.0, 0.0, 0.0
        for start in range(0, count, step):
            part = torch.from_numpy(np.array(documents[start : start + step]))
            half = values[start : start + len(part)]
            reach = max(reach, float(torch.linalg.vector_norm(part, dim=1).max()))
            half.copy_(part.sub_(mean))
            longest = max(longest, float(torch.linalg.vector_norm(part, dim=1).max()))
            residual = max(residual, float(torch.linalg.vector_norm(part.sub_(half), dim=1).max()))
        return Halves(values, group, reach, longest, residual + longest * 2.0**-24)

    def cast(self, queries: Scores, k: int, *, buffers: Buffers) -> Net:
        """The documents that may be among the k best of each query (q, d); q and k fit into `buffers`."""
        import torch

        exact = torch.from_numpy(np.array(queries))
        half = exact.bfloat16()
        error, best = self._errors(exact, half), None
        catch = Catch.empty(len(half), WIDEST * k)
        for start in range(0, len(self.values), buffers.documents):
            block = self.values[start : start + buffers.documents]
            bits = torch.mm(block, half.T, out=buffers.product(len(block), len(half))).view(torch.int16)
            maxima = bits.view(self.group, -1, len(half)).amax(dim=0).T.contiguous()
            best = largest(maxima if best is None else torch.cat([best, maxima], dim=1), k)
            lowest = lowest_products(best.amin(dim=1).numpy(), error)
            catch = catch.lifted(lowest).joined(start, bits.numpy(), buffers.reached.numpy())
        return catch.net()

    def _errors(self, exact: Tensor, half: Tensor) -> npt.NDArray[np.float64]:
        """(q,) how far a product in bf16, summed in float32, may lie from a score in float32 less the query's constant.

        With d less the mean, whose subtraction rounds once, q d - q' d' = (q - q') d + q' (d - d'), by Cauchy and
        Schwarz; then the sums' own rounding, twice what it can be where units cut off, and that of the score; then what
        units do to numbers that are no normal ones in bf16, which is zero.
        """
        import torch

        lost, length = (torch.linalg.vector_norm(x, dim=1).double().numpy() for x in (exact - half, half.float()))
        width = half.shape[1]
        rounded = lost * self.longest + length * self.residual
        summed = (width + 2) * 2.0**-22 * (length + lost) * (self.longest + self.residual)
        summed += 2.0**-23 * (length + lost) * self.reach
        tiny = width * 2.0**-120 * (1.0 + length + self.longest)
        return np.asarray(rounded * (1.0 + width * 2.0**-22) + summed + tiny)


@dataclass(frozen=True)
class Catch:
    """What blocks of documents have given: pairs and the bits of their products, and the lowest bits that count now.

    most: pairs of a query, more leave it open.
    """

    query: Integers
    document: Integers
    bits: Bits
    lowest: Bits
    open: npt.NDArray[np.bool_]
    most: int

    @staticmethod
    def empty(queries: int, most: int) -> Catch:
        """Nothing yet."""
        nothing, lowest = np.empty(0, dtype=np.int64), np.full(queries, NONE)
        return Catch(nothing, nothing, np.empty(0, dtype=np.int16), lowest, np.zeros(queries, dtype=np.bool_), most)

    def lifted(self, lowest: Bits) -> Catch:
        """The pairs whose product reaches a bar that later blocks have lifted; a query without a bar is open."""
        is_open = self.open | (lowest == NONE)
        lowest = np.where(is_open, NONE, lowest)
        keep = self.bits >= lowest[self.query]
        if not keep.all():
            return Catch(self.query[keep], self.document[keep], self.bits[keep], lowest, is_open, self.most)
        return Catch(self.query, self.document, self.bits, lowest, is_open, self.most)

    def joined(self, start: int, bits: Bits, reached: npt.NDArray[np.bool_]) -> Catch:
        """With what reaches the bar in a block (n, q) of documents that begins at `start`."""
        flat, found = reaching(bits, self.lowest, reached)
        document, query = np.divmod(flat, len(self.lowest))
        document += start
        if len(self.query):
            query, document = np.concatenate([self.query, query]), np.concatenate([self.document, document])
            found = np.concatenate([self.bits, found])
        heavy = np.bincount(query, minlength=len(self.lowest)) > self.most
        if not heavy.any():
            return Catch(query, document, found, self.lowest, self.open, self.most)
        keep = ~heavy[query]
        lowest = np.where(heavy, NONE, self.lowest)
        return Catch(query[keep], document[keep], found[keep], lowest, self.open | heavy, self.most)

    def net(self) -> Net:
        """The pairs alone."""
        return Net(self.query, self.document, self.open)


def lowest_products(kth: Bits, error: npt.NDArray[np.float64]) -> Bits:
    """(q,) the bits of the least product in bf16 that a document among the k best may have; NONE: none can be told.

    kth: a product that k documents reach. Before it was rounded, theirs was no less than the middle between it and its
    predecessor, so the k-th best score is no less than that less the error, and neither is the product of a document
    with such a score, less the error again. Bits of positive floats stand in their order, those of others do not.
    """
    middle = (as_float(kth).astype(np.float64) + as_float(np.maximum(kth, 1) - np.int16(1))) / 2
    least = np.nextafter((middle - 2 * error).astype(np.float32), np.float32(-np.inf))
    bits = (least.view(np.int32) >> 16).astype(np.int16)
    return np.where((kth > 0) & (bits > 0), bits, NONE)


def as_float(bits: Bits) -> Scores:
    """The float32 numbers of bits in bf16."""
    return (bits.astype(np.int32) << 16).view(np.float32)


def largest(values: Tensor, k: int) -> Tensor:
    """The k largest of each row of (q, n), in no order; NumPy's partition is vectorised, torch's is not."""
    import torch

    at = values.shape[1] - k
    return torch.from_numpy(np.partition(values.numpy(), at, axis=1)[:, at:])


def reaching(bits: Bits, lowest: Bits, reached: npt.NDArray[np.bool_]) -> tuple[Integers, Bits]:
    """Where (n, q) `bits` reach the (q,) lowest ones: flat positions, ascending, and the bits there.

    reached: room for the answers, q of them at least.
    """
    step, found = max(1, min(COMPARED, len(reached)) // len(lowest)), []
    for start in range(0, len(bits), step):
        part = bits[start : start + step]
        there = np.greater_equal(part, lowest, out=reached[: part.size].reshape(part.shape))
        found.append(start * len(lowest) + np.flatnonzero(there))
    flat = np.concatenate(found)
    return flat, bits.ravel()[flat]

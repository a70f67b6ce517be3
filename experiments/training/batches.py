"""Batches of one collection each: `data.batches: by_collection`."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from torch.utils.data import Sampler

from experiments.identity import derive_seed


class PureBatches(Sampler[list[int]]):
    """`steps` full batches, each of rows of one part, parts in proportion to their rows (largest remainder).

    part: (R,) the part of each row. Which part comes when is shuffled; each part's rows are shuffled, taken batch by
    batch and shuffled again when fewer than a batch are left. All of it is fixed by the seed.
    """

    def __init__(self, part: npt.NDArray[np.integer], *, steps: int, batch_size: int, seed: int) -> None:
        super().__init__()
        self.rows = [np.flatnonzero(part == one) for one in np.unique(part)]
        self.steps, self.batch_size, self.seed = steps, batch_size, seed

    def __len__(self) -> int:
        return self.steps

    def __iter__(self) -> Iterator[list[int]]:
        streams = [_batches(rows, self.batch_size, derive_seed(self.seed, i)) for i, rows in enumerate(self.rows)]
        for part in self.order():
            yield next(streams[part]).tolist()

    def order(self) -> npt.NDArray[np.int64]:
        """(steps,) which part, counted among those that have rows, each batch comes from."""
        counts = in_proportion(np.array([len(rows) for rows in self.rows]), self.steps)
        turns = np.repeat(np.arange(len(counts)), counts)
        shuffled: npt.NDArray[np.int64] = np.random.default_rng(derive_seed(self.seed, "order")).permutation(turns)
        return shuffled


def in_proportion(sizes: npt.NDArray[np.int64], total: int) -> npt.NDArray[np.int64]:
    """`total` handed out in proportion to the sizes by largest remainder, ties to the first; adds up to `total`."""
    exact = total * sizes / sizes.sum()
    counts: npt.NDArray[np.int64] = np.floor(exact).astype(np.int64)
    left = total - counts.sum()
    counts[np.argsort(counts - exact, kind="stable")[:left]] += 1
    return counts


def _batches(rows: npt.NDArray[np.int64], size: int, seed: int) -> Iterator[npt.NDArray[np.int64]]:
    draw = np.random.default_rng(seed)
    while True:
        shuffled = draw.permutation(rows)
        for start in range(0, len(rows) - size + 1, size):
            yield shuffled[start : start + size]

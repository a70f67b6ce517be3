"""Which survivors become negatives: the first ones, sampled ones, or the first and sampled ones."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from experiments.config import MiningConfig
from experiments.identity import derive_seed
from experiments.ir import Positions, Scores
from experiments.miners.draws import gumbel, hash_keys

Columns = npt.NDArray[np.int64]


def select(
    survives: npt.NDArray[np.bool_],
    document: Positions,
    score: Scores,
    row_key: npt.NDArray[np.uint64],
    *,
    mining: MiningConfig,
    seed: int,
) -> Columns:
    """(r, n) int64 candidate columns in rank order, padded at the end with -1, of (r, K) survivors.

    Sampling draws from a softmax at temperature 1 over the scores of the first `sample_from` survivors, without
    replacement, by Gumbel top-k (Kool et al., 2019); `top1_sampled` keeps the first one in any case.
    """
    if mining.selection == "top":
        return first_columns(survives, mining.num_negatives)
    window = first_columns(survives, mining.sample_from)
    there = window >= 0
    column = np.where(there, window, 0)
    noise = gumbel(
        derive_seed(seed, "sampled"), row_key[:, None], np.maximum(np.take_along_axis(document, column, axis=1), 0)
    )
    key = np.where(there, np.take_along_axis(score, column, axis=1) + noise, -np.inf)
    if mining.selection == "top1_sampled":
        key[there[:, 0], 0] = np.inf
    best = np.argsort(-key, axis=1, kind="stable")[:, : mining.num_negatives]
    chosen = np.zeros_like(there)
    np.put_along_axis(chosen, best, True, axis=1)
    slots = first_columns(chosen & there, mining.num_negatives)
    return np.where(slots >= 0, np.take_along_axis(window, np.maximum(slots, 0), axis=1), -1)


def first_columns(mask: npt.NDArray[np.bool_], count: int) -> Columns:
    """(r, count) int64: the columns of the first true cells of each row of the (r, K) `mask`, -1 beyond them."""
    slot = np.cumsum(mask, axis=1, dtype=np.int32)
    row, column = np.nonzero(mask & (slot <= count))
    columns = np.full((len(mask), count), -1, dtype=np.int64)
    columns[row, slot[row, column] - 1] = column
    return columns


def row_keys(seed: int, query: Positions, positive: Positions) -> npt.NDArray[np.uint64]:
    """(R,) one key for each (query, positive)."""
    return hash_keys(derive_seed(seed, "sampled_row"), query, positive)

"""Draws a run's training queries out of the pool, by the run's seed."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from experiments.config import DataConfig, DocstringsData
from experiments.errors import UserError
from experiments.identity import derive_seed
from experiments.ir import Positions, Split


def draw_train_queries(split: Split, *, data: DataConfig, seed: int) -> Positions:
    """Sorted int32 positions of the run's training queries within `split`.

    docstrings: exactly `multi_share.train` of them have more than one judged document. beir: `train_queries` uniform
    ones, or all. Raises UserError where the pool is too small.
    """
    available = len(split.queries)
    if data.train_queries is None:
        return np.arange(available, dtype=np.int32)
    rng = np.random.default_rng(derive_seed(seed, "train_queries"))
    if not isinstance(data, DocstringsData):
        return _draw(rng, np.arange(available), data.train_queries, "train queries")
    judged = np.bincount(split.qrels.query, minlength=available)
    several = int(data.train_queries * data.multi_share.train + 0.5)
    drawn = [
        _draw(rng, np.flatnonzero(judged > 1), several, "train queries with several relevant passages"),
        _draw(
            rng, np.flatnonzero(judged == 1), data.train_queries - several, "train queries with one relevant passage"
        ),
    ]
    return np.sort(np.concatenate(drawn))


def _draw(rng: np.random.Generator, pool: npt.NDArray[np.integer], count: int, what: str) -> Positions:
    if count > len(pool):
        raise UserError(f"{count} {what} are asked for, but the pool has {len(pool)}: lower data.train_queries")
    return np.sort(rng.permutation(pool)[:count]).astype(np.int32)

"""Uniform documents for a row, without replacement, outside its exclusions and what it has already."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from experiments.identity import derive_seed
from experiments.ir import NO_DOCUMENT, Positions
from experiments.miners.chunks import chunks
from experiments.miners.draws import hash_keys, uniform
from experiments.miners.pool import Pool

TRIES = 32
"""Draws with replacement before a row falls back to ordering every minable document."""


def draw_documents(pool: Pool, taken: Positions, count: int, *, rows: npt.NDArray[np.int64]) -> Positions:
    """(r, count) int32: documents for the pool's (r,) `rows` that are not in their (r, t) `taken`.

    NO_DOCUMENT where none are left. Draws with replacement are thinned to the first occurrences outside the exclusions;
    the few rows that are still short take the rest in random order. Both are uniform without replacement.
    """
    drawn = np.full((len(rows), count), NO_DOCUMENT, dtype=np.int32)
    tries = TRIES + 2 * count
    for part in chunks(len(rows), tries):
        drawn[part] = _first_allowed(pool, rows[part], taken[part], _tries(pool, rows[part], tries), count)
    short = np.flatnonzero((drawn == NO_DOCUMENT).any(axis=1))
    for part in chunks(len(short), len(pool.minable)):
        at = short[part]
        # What was drawn stays; the rest only fills what is missing.
        order = np.concatenate([drawn[at], _everything(pool, rows[at])], axis=1)
        drawn[at] = _first_allowed(pool, rows[at], taken[at], order, count)
    return drawn


def _tries(pool: Pool, rows: npt.NDArray[np.int64], tries: int) -> Positions:
    if not len(pool.minable):
        return np.full((len(rows), tries), NO_DOCUMENT, dtype=np.int32)
    row = _row_key(pool, rows)
    draw = uniform(derive_seed(pool.seed, "random_tries"), row[:, None], np.arange(tries))
    return pool.minable[(draw * len(pool.minable)).astype(np.int64)]


def _everything(pool: Pool, rows: npt.NDArray[np.int64]) -> Positions:
    draw = uniform(derive_seed(pool.seed, "random_order"), _row_key(pool, rows)[:, None], pool.minable)
    return pool.minable[np.argsort(draw, axis=1, kind="stable")]


def _row_key(pool: Pool, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.uint64]:
    return hash_keys(derive_seed(pool.seed, "random_row"), pool.rows.query[rows], pool.rows.positive[rows])


def _first_allowed(
    pool: Pool, rows: npt.NDArray[np.int64], taken: Positions, offered: Positions, count: int
) -> Positions:
    """(r, count): the first distinct documents of `offered` that are neither excluded nor taken."""
    allowed = (offered != NO_DOCUMENT) & (pool.excluded.codes(rows[:, None], pool.rows.group[rows, None], offered) == 0)
    # An offered document counts where it is seen first, reading what is taken before what is offered: so this drops
    # both what the row has already and what an earlier draw has offered.
    both = np.concatenate([taken, offered], axis=1)
    allowed &= _first_occurrence(both)[:, taken.shape[1] :]
    slot = np.cumsum(allowed, axis=1) - 1
    row, column = np.nonzero(allowed & (slot < count))
    chosen = np.full((len(rows), count), NO_DOCUMENT, dtype=np.int32)
    chosen[row, slot[row, column]] = offered[row, column]
    return chosen


def _first_occurrence(values: Positions) -> npt.NDArray[np.bool_]:
    """True where a value has not stood further left in its row."""
    # A stable sort puts equal values side by side with the leftmost first, without a (columns x columns) comparison.
    order = np.argsort(values, axis=1, kind="stable")
    ordered = np.take_along_axis(values, order, axis=1)
    first = np.ones(values.shape, dtype=np.bool_)
    np.put_along_axis(first, order[:, 1:], ordered[:, 1:] != ordered[:, :-1], axis=1)
    return first

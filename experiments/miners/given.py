"""The negatives that a collection has of its own, as negatives of its rows."""

from __future__ import annotations

import numpy as np

from experiments.ir import NO_DOCUMENT, Positions
from experiments.miners.pool import Pool


def given_documents(pool: Pool) -> Positions:
    """(R, n) int32: the first n negatives that each row's query was given, in their own order.

    Less those that are excluded for the row (a positive, a text of one), NO_DOCUMENT where there are no more.
    """
    order = np.lexsort((pool.given.grade, pool.given.query))
    query, document = pool.given.query[order], pool.given.document[order]
    start, end = (np.searchsorted(query, pool.rows.query, side=side) for side in ("left", "right"))
    size = end - start
    row = np.repeat(np.arange(len(size)), size)
    at = np.arange(size.sum()) - np.repeat(np.cumsum(size) - size, size) + np.repeat(start, size)
    allowed = pool.excluded.codes(row, pool.rows.group[row], document[at]) == 0
    row, offered = row[allowed], document[at[allowed]]
    slot = np.arange(len(row)) - np.searchsorted(row, row, side="left")
    chosen = np.full((len(size), pool.mining.num_negatives), NO_DOCUMENT, dtype=np.int32)
    kept = slot < chosen.shape[1]
    chosen[row[kept], slot[kept]] = offered[kept]
    return chosen

"""Random: uniform minable documents outside the exclusions; nothing is ranked."""

from __future__ import annotations

import numpy as np

from experiments.ir import Positions
from experiments.miners.pool import Pool
from experiments.miners.uniform import draw_documents


def choose(pool: Pool) -> Positions:
    """(R, n) int32 documents, padded with NO_DOCUMENT where the collection has no more."""
    rows = np.arange(len(pool.rows))
    nothing = np.zeros((len(rows), 0), dtype=np.int32)
    return draw_documents(pool, nothing, pool.mining.num_negatives, rows=rows)

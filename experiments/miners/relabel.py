"""False negatives that become training rows: known positives that the method would have chosen as negatives."""

from __future__ import annotations

import numpy as np

from experiments.miners.choice import Choice
from experiments.miners.pairs import encode
from experiments.miners.pool import Pool
from experiments.miners.rows import Rows


def find_relabelled(pool: Pool, choice: Choice) -> Rows:
    """A row for each revealed positive among the ranked negatives of the rows that are kept, under its own score.

    pool: one from which nothing that is revealed is excluded (`make_pool`); choice: the method's, from it. A positive
    that rows of one query text choose several times, or in several copies, gives one row: where it is chosen first.
    """
    documents, revealed = pool.relevant.documents, pool.revealed
    hit = revealed.pairs.lookup(pool.rows.group[:, None], choice.document) > 0
    row, slot = np.nonzero(hit & (choice.rank > 0) & choice.kept[:, None])
    group, document = pool.rows.group[row], choice.document[row, slot]
    original = revealed.original[np.searchsorted(revealed.pairs.keys, encode(documents, group, document))]
    _, first = np.unique(encode(documents, group, original), return_index=True)
    return Rows(
        query=pool.rows.query[row[first]],
        positive=document[first],
        group=group[first],
        score=choice.score[row[first], slot[first]],
        without_positive=0,
    )

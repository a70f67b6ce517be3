"""Candidates that are taken out instead of the revealed positives: as many, at the nearest ranks.

Taking out what `reveal` covers does two things: it removes false negatives, and it moves every later candidate up. With
placebos later candidates move up as well, but the false negatives stay, so that the two effects can be told apart.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from experiments.identity import derive_seed
from experiments.ir import Candidates
from experiments.miners.chunks import chunks
from experiments.miners.draws import uniform
from experiments.miners.pairs import PairSet
from experiments.miners.reasons import PLACEBO
from experiments.miners.rows import Rows
from experiments.miners.selection import Columns, first_columns
from experiments.records.mining import PlaceboFacts

Mask = npt.NDArray[np.bool_]

FAR = np.iinfo(np.int32).max
"""Stands for the distance of a candidate that may not be taken."""


def find_placebos(
    rows: Rows,
    candidates: Candidates,
    *,
    excluded: PairSet,
    relevant: PairSet,
    revealed: PairSet,
    depth: int,
    seed: int,
) -> tuple[PairSet, PlaceboFacts]:
    """(row, document) pairs to take out, one for each revealed positive within `depth`, and how well they match.

    excluded, relevant, revealed: pairs (query text, document): what is excluded in any case, what answers the query
    (judged, or a copy), and those of it that `reveal` covers. Ranks count after the exclusions. More candidates than
    `depth.fetch_depth` asks for change nothing: among these, every revealed positive has a free one of a worse rank, or
    they are all there are.
    """
    places, distances, differences, unmatched = [], [], [], 0
    for part in chunks(len(rows), candidates.document.shape[1]):
        query, group = rows.query[part], rows.group[part, None]
        document, score = candidates.document[query], candidates.score[query]
        admitted = (document >= 0) & (excluded.lookup(group, document) == 0)
        rank = np.cumsum(admitted, axis=1, dtype=np.int32)
        wanted = _columns(admitted & (revealed.lookup(group, document) > 0) & (rank <= depth))
        placebo = match(
            rank,
            wanted,
            free=admitted & (relevant.lookup(group, document) == 0),
            better=_coins(seed, query, np.take_along_axis(document, np.maximum(wanted, 0), axis=1)),
        )
        row, slot = np.nonzero(placebo >= 0)
        there, here = (row, placebo[row, slot]), (row, wanted[row, slot])
        places.append((row + part.start, document[there]))
        distances.append(np.abs(rank[there] - rank[here]))
        differences.append(score[there] - score[here])
        unmatched += int(np.count_nonzero((wanted >= 0) & (placebo < 0)))
    pairs = PairSet.build(excluded.documents, *((row, document, PLACEBO) for row, document in places))
    return pairs, _facts(distances, differences, unmatched)


def match(rank: npt.NDArray[np.int32], wanted: Columns, *, free: Mask, better: Mask) -> Columns:
    """(r, m) column of the nearest free candidate for each `wanted` one, -1 where none is left.

    rank: (r, K), ascending in a row. wanted: (r, m) columns by rank, -1 beyond the last; each takes its own before the
    next one does. free: (r, K), may be taken. better: (r, m), which of two equally near ones: that of the better rank.
    """
    free = free.copy()
    placebo = np.full_like(wanted, -1)
    # A loop over the wanted ones of a row, never over rows: what the first one takes is not there for the next.
    for slot in range(wanted.shape[1]):
        row = np.flatnonzero(wanted[:, slot] >= 0)
        step = rank[row] - rank[row, wanted[row, slot], None]
        # Doubled, so that the coin's 1 decides between equal distances and nothing else.
        distance = 2 * np.abs(step) + ((step > 0) == better[row, slot, None])
        distance[~free[row]] = FAR
        nearest = distance.argmin(axis=1)
        there = distance[np.arange(len(row)), nearest] < FAR
        placebo[row[there], slot] = nearest[there]
        free[row[there], nearest[there]] = False
    return placebo


def _columns(wanted: Mask) -> Columns:
    return first_columns(wanted, int(wanted.sum(axis=1).max(initial=0)))


def _coins(seed: int, query: npt.NDArray[np.int32], document: npt.NDArray[np.int32]) -> Mask:
    return uniform(derive_seed(seed, "placebo"), query[:, None], np.maximum(document, 0)) < 0.5


def _facts(
    distances: list[npt.NDArray[np.int32]], differences: list[npt.NDArray[np.float32]], unmatched: int
) -> PlaceboFacts:
    matched = sum(len(part) for part in distances)
    return PlaceboFacts(
        matched=matched,
        unmatched=unmatched,
        mean_rank_distance=float(np.mean(np.concatenate(distances), dtype=np.float64)) if matched else None,
        mean_score_difference=float(np.mean(np.concatenate(differences), dtype=np.float64)) if matched else None,
    )

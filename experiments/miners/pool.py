"""What every method of one teacher starts from: rows, exclusions, and the candidates that may be looked at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from experiments.collections.draw import draw_train_queries
from experiments.config import DataConfig, MiningConfig
from experiments.ir import Candidates, Collection, Positions, Scores
from experiments.miners.exclusions import Relevant, exclude, relevant_pairs
from experiments.miners.pairs import PairSet
from experiments.miners.reasons import BEYOND_DEPTH, PADDING, SURVIVOR
from experiments.miners.rows import Rows, anchor_scores, show_positives
from experiments.miners.texts import group_texts

CHUNK_CELLS = 1 << 22
"""(row, candidate) cells handled at a time, which bounds the working memory."""


@dataclass(frozen=True)
class Pool:
    """R rows and K candidates each, before a method decides.

    queries: training queries drawn. anchor: (R,) float32. relevant, excluded: pairs (query text, document).
    minable: (M,) int32 documents, ascending. free: (R,) int64, minable documents outside the row's exclusions.
    state: (R, K) int8 codes of reasons.py; SURVIVOR = may be mined and lies within `depth` after the exclusions.
    """

    queries: int
    rows: Rows
    anchor: Scores
    relevant: Relevant
    excluded: PairSet
    minable: Positions
    free: npt.NDArray[np.int64]
    candidates: Candidates
    state: npt.NDArray[np.int8]
    mining: MiningConfig
    seed: int

    def chunks(self) -> Iterator[slice]:
        """Slices of rows of at most CHUNK_CELLS cells each."""
        return chunks(len(self.rows), self.state.shape[1])


def make_pool(
    collection: Collection, candidates: Candidates, *, data: DataConfig, mining: MiningConfig, seed: int
) -> Pool:
    """Draw the queries and their shown positives, exclude, and look at the first `depth` of what is left.

    Raises ValueError if the candidates stop before `depth` (`depth.fetch_depth` says how many are needed).
    """
    split = collection.splits["train"]
    drawn = draw_train_queries(split, data=data, seed=seed)
    groups = group_texts(collection)
    rows = show_positives(drawn, split.qrels, groups, candidates, data=data, mining=mining, seed=seed)
    relevant = relevant_pairs(collection, groups)
    excluded = exclude(rows, relevant, groups, data=data, mining=mining, seed=seed)
    minable = np.flatnonzero(collection.minable).astype(np.int32)
    free = len(minable) - excluded.count(len(split.queries), collection.minable)[rows.group]
    state = _look(rows, candidates, excluded, mining.depth)
    _check_depth(state, free, mining.depth)
    return Pool(
        queries=len(drawn),
        rows=rows,
        anchor=anchor_scores(rows, mining.anchor),
        relevant=relevant,
        excluded=excluded,
        minable=minable,
        free=free,
        candidates=candidates,
        state=state,
        mining=mining,
        seed=seed,
    )


def chunks(rows: int, width: int) -> Iterator[slice]:
    """Slices of `rows` rows that hold at most CHUNK_CELLS cells of `width` columns."""
    step = max(1, CHUNK_CELLS // max(1, width))
    return (slice(start, start + step) for start in range(0, rows, step))


def _look(rows: Rows, candidates: Candidates, excluded: PairSet, depth: int) -> npt.NDArray[np.int8]:
    width = candidates.document.shape[1]
    state = np.empty((len(rows), width), dtype=np.int8)
    for part in chunks(len(rows), width):
        document = candidates.document[rows.query[part]]
        code = excluded.lookup(rows.group[part, None], document)
        code[code == PADDING] = SURVIVOR
        code[document < 0] = PADDING
        admitted = code == SURVIVOR
        code[admitted & (np.cumsum(admitted, axis=1, dtype=np.int32) > depth)] = BEYOND_DEPTH
        state[part] = code
    return state


def _check_depth(state: npt.NDArray[np.int8], free: npt.NDArray[np.int64], depth: int) -> None:
    looked = np.count_nonzero(state == SURVIVOR, axis=1)
    if np.any(looked < np.minimum(depth, free)):
        raise ValueError(f"a row has {looked.min()} candidates after the exclusions, depth={depth}: fetch deeper")

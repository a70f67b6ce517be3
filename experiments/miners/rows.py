"""Training rows: which (query, shown positive) pairs a run trains on, before any miner looks at them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from experiments.config import DataConfig, MiningConfig
from experiments.errors import UserError
from experiments.identity import derive_seed
from experiments.ir import Candidates, Positions, Qrels, Scores
from experiments.miners.draws import uniform
from experiments.miners.texts import TextGroups


@dataclass(frozen=True)
class Rows:
    """R rows (query, shown positive), sorted by both.

    query, positive: (R,) int32 positions. group: (R,) int64, names the query's text. score: (R,) float32, the
    positive's. without_positive: drawn queries that have no row.
    """

    query: Positions
    positive: Positions
    group: npt.NDArray[np.int64]
    score: Scores
    without_positive: int

    def __len__(self) -> int:
        return len(self.query)

    def merged(self, more: Rows) -> Rows:
        """These rows and `more`, in order; how many queries had none is this one's."""
        query, positive = np.concatenate([self.query, more.query]), np.concatenate([self.positive, more.positive])
        order = np.lexsort((positive, query))
        return Rows(
            query=query[order],
            positive=positive[order],
            group=np.concatenate([self.group, more.group])[order],
            score=np.concatenate([self.score, more.score])[order],
            without_positive=self.without_positive,
        )


def show_positives(
    drawn: Positions,
    qrels: Qrels,
    groups: TextGroups,
    candidates: Candidates,
    *,
    reference: Candidates,
    data: DataConfig,
    mining: MiningConfig,
    seed: int,
) -> Rows:
    """Rows of the `drawn` queries: all their positives within `positive_within`, or a seeded one of these.

    reference: whose ranks `positive_within` counts; `candidates` give the positives' scores.
    """
    eligible = np.isin(qrels.query, drawn)
    if mining.positive_within is not None:
        eligible &= reference.positive_rank <= mining.positive_within
    judged = np.flatnonzero(eligible)
    if data.positives == "one":
        judged = _one_a_query(qrels, judged, derive_seed(seed, "shown_positive"))
    query = qrels.query[judged]
    return Rows(
        query=query,
        positive=qrels.document[judged],
        group=groups.query[query],
        score=candidates.positive_score[judged],
        without_positive=len(drawn) - len(np.unique(query)),
    )


def with_anchor(rows: Rows, *, sparse: bool) -> tuple[Rows, int]:
    """The rows whose positive the teacher has scored, and how many others there were.

    Raises ValueError where a teacher that scores every document has left one out, UserError where no row is left.
    """
    scored = ~np.isnan(rows.score)
    missing = int(np.count_nonzero(~scored))
    if missing and not sparse:
        raise ValueError(f"{missing} shown positives have no score, from a teacher that scores every document")
    if missing and missing == len(rows):
        raise UserError(
            f"the teacher has scored none of the {missing} shown positives, and a row needs its positive's score: add "
            "the relevant documents to its files, however low they rank"
        )
    kept = replace(
        rows,
        query=rows.query[scored],
        positive=rows.positive[scored],
        group=rows.group[scored],
        score=rows.score[scored],
    )
    return (kept if missing else rows), missing


def anchor_scores(rows: Rows, anchor: str) -> Scores:
    """(R,) float32: the row's own positive score, or the min or max over the rows of the same query text."""
    if anchor == "own" or not len(rows):
        return rows.score
    order = np.argsort(rows.group, kind="stable")
    starts = np.flatnonzero(np.diff(rows.group[order], prepend=-1))
    reduce = np.minimum.reduceat if anchor == "min" else np.maximum.reduceat
    sizes = np.diff(starts, append=len(rows))
    anchors = np.empty_like(rows.score)
    anchors[order] = np.repeat(reduce(rows.score[order], starts), sizes)
    return anchors


def _one_a_query(qrels: Qrels, judged: npt.NDArray[np.int64], seed: int) -> npt.NDArray[np.int64]:
    """Of each query's judgments the one with the smallest draw, a function of (seed, query, document)."""
    query = qrels.query[judged]
    order = np.lexsort((uniform(seed, query, qrels.document[judged]), query))
    first = np.diff(query[order], prepend=-1) != 0
    chosen: npt.NDArray[np.int64] = judged[order[first]]
    return chosen

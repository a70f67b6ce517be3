"""mine(): a teacher's candidates in, training rows with negatives out, and why."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from experiments.config import CommonWith, DataConfig, MinerConfig, MiningConfig
from experiments.errors import UserError
from experiments.ir import Collection, Negatives, Positions
from experiments.miners.choice import Choice, choose
from experiments.miners.ensemble import Ensemble, Ranked, choose_together, make_pools
from experiments.miners.facts import mining_facts
from experiments.miners.member_facts import with_members
from experiments.miners.pairs import encode
from experiments.miners.pool import Pool
from experiments.miners.reasons import REASONS
from experiments.miners.relabel import find_relabelled
from experiments.records.mining import MiningFacts

__all__ = ["REASONS", "Mined", "mine", "mine_pool"]


@dataclass(frozen=True)
class Mined:
    """The rows that are trained on, and what became of every candidate.

    rows: (R0, 2) int32, (query, shown positive) before any drop. row: (R,) int64, where each row of `negatives` stands
    among them. reasons: (R0, K) int8, indices into REASONS, aligned with the candidates of each row's query; with the M
    members of an ensemble (R0, K x M), of every rank one member's after the other's.
    parts: of a mixture, the facts of each part by name; facts holds their total then.
    """

    negatives: Negatives
    rows: Positions
    row: npt.NDArray[np.int64]
    reasons: npt.NDArray[np.int8]
    facts: MiningFacts
    parts: Mapping[str, MiningFacts] = field(default_factory=dict)

    def reason(self, row: int, slot: int) -> str:
        """Why the negative at (row, slot) of `negatives` stands there."""
        rank = int(self.negatives.rank[row, slot])
        if rank == 0:
            return "random"
        members = len(self.facts.members or (None,))
        return REASONS[self.reasons[self.row[row], (rank - 1) * members + int(self.negatives.teacher[row, slot])]]


def mine(
    *,
    collection: Collection,
    data: DataConfig,
    candidates: Ranked,
    miner: MinerConfig,
    mining: MiningConfig,
    seed: int,
    others: Sequence[tuple[Ranked, CommonWith]] = (),
) -> Mined:
    """Negatives for the run's training rows, restricted to those that every one of `others` keeps too.

    `candidates` cover all queries of the train split. Each of `others` is mined as a run of its own would be: under
    the same data and seed, with its own teacher's candidates, and with the run's own settings where it lists no other.
    Raises UserError if no row is common to all.
    """
    make = functools.partial(make_pools, collection, candidates, data=data, mining=mining, seed=seed)
    pools = make()
    if mining.false_negatives == "relabel":
        pools = make(relabelled=find_relabelled(pools[0], choose(pools[0], miner)))
    kept = []
    for other_candidates, listed in others:
        settings = listed.under(mining)
        if other_candidates is candidates and settings == mining.rows_only:
            other = pools
        else:
            other = make_pools(collection, other_candidates, data=data, mining=settings, seed=seed)
        kept.append(_row_keys(other[0])[choose_together(other, listed.miner, other_candidates).choice.kept])
    return mine_pools(pools, miner, candidates, common=kept)


def mine_pool(pool: Pool, miner: MinerConfig, *, common: Sequence[npt.NDArray[np.int64]] = ()) -> Mined:
    """As `mine`, from a pool that many methods and thresholds may share; `common` holds other runs' kept rows."""
    return mine_pools((pool,), miner, pool.candidates, common=common)


def mine_pools(
    pools: Sequence[Pool], miner: MinerConfig, ranked: Ranked, *, common: Sequence[npt.NDArray[np.int64]] = ()
) -> Mined:
    """As `mine_pool`, from the pools of an ensemble's members."""
    combined, pool = choose_together(pools, miner, ranked), pools[0]
    choice = combined.choice
    keep = choice.kept.copy()
    for keys in common:
        keep &= np.isin(_row_keys(pool), keys)
    if common and not keep.any():
        raise UserError(
            f"mining.common_with: no training row is kept by {miner.kind} and by all {len(common)} listed miners: "
            "list fewer miners or loosen their thresholds"
        )
    row = np.flatnonzero(keep)
    negatives = _negatives(pools, choice, row)
    facts = mining_facts(pool, choice, row, negatives)
    if isinstance(ranked, Ensemble):
        facts = with_members(facts, combined, row, negatives, ensemble=ranked.config)
    rows = np.stack([pool.rows.query, pool.rows.positive], axis=1)
    return Mined(negatives=negatives, rows=rows, row=row, reasons=choice.state, facts=facts)


def _row_keys(pool: Pool) -> npt.NDArray[np.int64]:
    return encode(pool.relevant.documents, pool.rows.query, pool.rows.positive)


def _negatives(pools: Sequence[Pool], choice: Choice, row: npt.NDArray[np.int64]) -> Negatives:
    pool, document, teacher = pools[0], choice.document[row], choice.teacher[row]
    positive_score = np.stack([one.rows.score for one in pools])
    relevant = pool.relevant.lookup(pool.rows.group[row, None], document) > 0
    return Negatives(
        query=pool.rows.query[row],
        positive=pool.rows.positive[row],
        document=document,
        teacher=teacher,
        rank=choice.rank[row],
        score=choice.score[row],
        anchor_score=choice.anchor_score[row],
        bar=choice.bar[row],
        probability=choice.probability[row],
        positive_score=positive_score[np.maximum(teacher, 0), row[:, None]],
        known_false=relevant & (document >= 0),
    )

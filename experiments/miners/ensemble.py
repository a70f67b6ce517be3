"""Several teachers over the same rows: which member gives which negative."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from experiments.config import DataConfig, EnsembleTeacher, MinerConfig, MiningConfig
from experiments.identity import derive_seed
from experiments.ir import NO_DOCUMENT, NO_TEACHER, Candidates, Collection, Positions
from experiments.memo import remembered_last
from experiments.miners.choice import Choice, State, choose, choose_ranked, settle
from experiments.miners.draws import uniform
from experiments.miners.methods import ranks, rule_of
from experiments.miners.pool import Pool, make_pool
from experiments.miners.reasons import CHOSEN, PADDING, SURVIVOR
from experiments.miners.rows import Rows

KEPT_CELLS = 1 << 25
"""Candidates, of all members, of which pools are kept for the next run: 256 MiB of them."""

Columns = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Ensemble:
    """M teachers' candidates for the same queries, equally deep, in the order of the config, and how they combine."""

    members: tuple[Candidates, ...]
    config: EnsembleTeacher


Ranked = Candidates | Ensemble
"""What a run's teacher ranked: one list of candidates a query, or one for each member."""


@dataclass(frozen=True)
class Combined:
    """The negatives of every row, and what each member would have given (`offers`, one where there is one teacher).

    choice.state: (R, K x M), `side_by_side`; PADDING for the candidates of a member that was not asked.
    """

    choice: Choice
    offers: tuple[Choice, ...]


def make_pools(
    collection: Collection,
    ranked: Ranked,
    *,
    data: DataConfig,
    mining: MiningConfig,
    seed: int,
    relabelled: Rows | None = None,
) -> tuple[Pool, ...]:
    """One pool for each teacher, over the same rows: the first teacher's ranks decide `positive_within` for all.

    relabelled: as of `make_pool`, under one teacher alone.
    """
    members = ranked.members if isinstance(ranked, Ensemble) else (ranked,)

    def make() -> tuple[Pool, ...]:
        one = functools.partial(make_pool, collection, data=data, mining=mining, seed=seed, relabelled=relabelled)
        return tuple(one(member, reference=members[0]) for member in members)

    if relabelled is not None or sum(member.document.size for member in members) > KEPT_CELLS:
        return make()
    # Every method and threshold over the same candidates starts from the same pools.
    key = (*members, data.model_dump_json(), mining.model_dump_json(), seed)
    return remembered_last(collection, "pools", key, make)


def choose_together(pools: Sequence[Pool], miner: MinerConfig, ranked: Ranked) -> Combined:
    """The method's negatives under one teacher, or under the members of an ensemble; `shortfall` is applied.

    Each member's rule is made from its own pool, and no score of one member is held against another's. A method that
    ranks nothing asks none of them.
    """
    if not isinstance(ranked, Ensemble) or not ranks(miner):
        only = choose(pools[0], miner)
        return Combined(choice=only, offers=(only,))
    offers = tuple(_survivors(pool, miner) for pool in pools)
    if ranked.config.combine == "cross_sample":
        choice = _cross_sample(pools, offers)
    else:
        choice = _intra_sample(offers, deduplicate=ranked.config.deduplicate)
    # What may not be mined is the same for all members, so any of the pools can fill a row up.
    return Combined(choice=settle(pools[0], choice), offers=offers)


def draw_members(rows: Rows, members: int, *, seed: int) -> npt.NDArray[np.int64]:
    """(R,) the member that gives a row its negatives, uniform, a function of (seed, query, positive)."""
    draw = uniform(derive_seed(seed, "ensemble_member"), rows.query, rows.positive)
    return (draw * members).astype(np.int64)


def _cross_sample(pools: Sequence[Pool], offers: Sequence[Choice]) -> Choice:
    """Each row as its own member has it."""
    first = pools[0]
    member, row = draw_members(first.rows, len(pools), seed=first.seed), np.arange(len(first.rows))

    def of_row(name: str) -> npt.NDArray[Any]:
        return np.stack([getattr(offer, name) for offer in offers])[member, row]

    asked = member[:, None] == np.arange(len(pools))
    states = [np.where(asked[:, m, None], offer.state, np.int8(PADDING)) for m, offer in enumerate(offers)]
    return replace(
        offers[0],
        document=of_row("document"),
        teacher=np.where(of_row("rank") > 0, member[:, None], NO_TEACHER).astype(np.int8),
        rank=of_row("rank"),
        score=of_row("score"),
        anchor_score=of_row("anchor_score"),
        bar=of_row("bar"),
        probability=of_row("probability"),
        calibration=None,
        found=of_row("found"),
        state=side_by_side(states),
    )


def _intra_sample(offers: Sequence[Choice], *, deduplicate: bool) -> Choice:
    """Each member's best survivor, in the order of the members; a row is short by those that have none."""
    column = best_columns([offer.document for offer in offers], deduplicate=deduplicate)
    there = column >= 0
    # Rows are read from the left, so a member without a survivor leaves no gap.
    order = np.argsort(~there, axis=1, kind="stable")
    found = np.take_along_axis(there, order, axis=1)

    def packed(name: str, empty: float) -> npt.NDArray[Any]:
        values = np.take_along_axis(_given(offers, name, column), order, axis=1)
        return np.where(found, values, values.dtype.type(empty))

    return replace(
        offers[0],
        document=packed("document", NO_DOCUMENT),
        teacher=np.where(found, order, NO_TEACHER).astype(np.int8),
        rank=packed("rank", 0),
        score=packed("score", np.nan),
        anchor_score=packed("anchor_score", np.nan),
        bar=packed("bar", np.nan),
        probability=packed("probability", np.nan),
        calibration=None,
        found=np.count_nonzero(there, axis=1),
        state=_chosen_alone(offers, _given(offers, "rank", column), there),
    )


def _given(offers: Sequence[Choice], name: str, column: Columns) -> npt.NDArray[Any]:
    """(R, M) a field of what each member gives; where it gives nothing, of anything."""
    row = np.arange(len(column))
    return np.stack([getattr(o, name)[row, np.maximum(column[:, m], 0)] for m, o in enumerate(offers)], axis=1)


def _survivors(pool: Pool, miner: MinerConfig) -> Choice:
    """The negatives that a member would give to every row, `mining.num_negatives` at most."""
    rule = rule_of(miner, pool)
    assert rule is not None
    return choose_ranked(pool, rule)


def best_columns(documents: Sequence[Positions], *, deduplicate: bool) -> Columns:
    """(R, M): which of its survivors each of the M members gives, -1 where it has none (left).

    documents: M times (R, n) survivors, best first, NO_DOCUMENT at the end; n is at least M. With `deduplicate` a
    member gives its first survivor that no earlier member has given.
    """
    given = np.full((len(documents[0]), len(documents)), NO_DOCUMENT, dtype=np.int32)
    column = np.full(given.shape, -1, dtype=np.int64)
    for m, offered in enumerate(documents):
        free = offered != NO_DOCUMENT
        if deduplicate:
            free &= ~(offered[:, :, None] == given[:, None, :m]).any(axis=2)
        there = free.any(axis=1)
        column[there, m] = free[there].argmax(axis=1)
        given[there, m] = offered[there, column[there, m]]
    return column


def _chosen_alone(offers: Sequence[Choice], rank: npt.NDArray[np.int32], there: npt.NDArray[np.bool_]) -> State:
    """(R, K x M) the members' states, in which the one candidate that a member gave is CHOSEN."""
    states = []
    for m, offer in enumerate(offers):
        state = np.where(offer.state == CHOSEN, np.int8(SURVIVOR), offer.state)
        row = np.flatnonzero(there[:, m])
        state[row, rank[row, m] - 1] = CHOSEN
        states.append(state)
    return side_by_side(states)


def side_by_side(states: Sequence[State]) -> State:
    """M times (R, K) to (R, K x M): of every rank one member's candidate after the other's."""
    rows, width = states[0].shape
    return np.stack(states, axis=2).reshape(rows, width * len(states))

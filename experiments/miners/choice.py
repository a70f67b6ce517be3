"""One method over a pool: what survives, what is chosen, which rows are kept."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from experiments.config import GivenNegatives, MinerConfig
from experiments.ir import NO_DOCUMENT, NO_TEACHER, Positions, Scores
from experiments.miners.given import given_documents
from experiments.miners.methods import Rule, rule_of
from experiments.miners.pool import Pool
from experiments.miners.reasons import ABOVE_BAR, CHOSEN, LIKELY_POSITIVE, SURVIVOR, WITHIN_SHIFT
from experiments.miners.selection import row_keys, select
from experiments.miners.uniform import draw_documents
from experiments.records.mining import CalibrationFacts

State = npt.NDArray[np.int8]


@dataclass(frozen=True)
class Choice:
    """For R rows and n negatives: what was chosen, before any row is dropped.

    document, teacher, rank, score, anchor_score, bar, probability: (R, n) as in ir.Negatives.
    found: (R,) int64, negatives that the method itself found. kept: (R,) bool, rows that `shortfall` keeps, less those
    `dropped` (R,) bool by `false_negatives: drop_row`.
    state: (R, K) int8 codes of reasons.py. looked: whether candidates were looked at at all. given: whether the
    negatives are the data's own. calibration: of a method
    that estimates probabilities, how well.
    """

    document: Positions
    teacher: npt.NDArray[np.int8]
    rank: Positions
    score: Scores
    anchor_score: Scores
    bar: Scores
    probability: Scores
    found: npt.NDArray[np.int64]
    kept: npt.NDArray[np.bool_]
    state: State
    dropped: npt.NDArray[np.bool_]
    looked: bool
    given: bool = False
    calibration: CalibrationFacts | None = None


def choose(pool: Pool, miner: MinerConfig) -> Choice:
    """The method's negatives for every row of the pool, with `shortfall` and `false_negatives: drop_row` applied."""
    rule = rule_of(miner, pool)
    return settle(pool, _choose_unranked(pool, miner) if rule is None else choose_ranked(pool, rule))


def _choose_unranked(pool: Pool, miner: MinerConfig) -> Choice:
    """The data's own negatives, or uniform documents; outside the exclusions, fewer where there are no more."""
    rows, given = np.arange(len(pool.rows)), isinstance(miner, GivenNegatives)
    if given:
        document = given_documents(pool)
    else:
        document = draw_documents(pool, np.zeros((len(rows), 0), dtype=np.int32), pool.mining.num_negatives, rows=rows)
    nothing = np.full(document.shape, np.nan, dtype=np.float32)
    return Choice(
        document=document,
        teacher=np.full(document.shape, NO_TEACHER, dtype=np.int8),
        rank=np.zeros_like(document),
        score=nothing,
        anchor_score=nothing,
        bar=nothing,
        probability=nothing,
        found=np.count_nonzero(document != NO_DOCUMENT, axis=1),
        kept=np.ones(len(document), dtype=np.bool_),
        dropped=np.zeros(len(document), dtype=np.bool_),
        state=pool.state,
        looked=False,
        given=given,
    )


def choose_ranked(pool: Pool, rule: Rule) -> Choice:
    """The negatives of every row that the rule leaves, short rows as they are."""
    shape = (len(pool.rows), pool.mining.num_negatives)
    document = np.full(shape, NO_DOCUMENT, dtype=np.int32)
    rank = np.zeros(shape, dtype=np.int32)
    score = np.full(shape, np.nan, dtype=np.float32)
    state = np.empty_like(pool.state)
    for part in pool.chunks():
        document[part], rank[part], score[part], state[part] = _choose_chunk(pool, rule, part)
    ranked = rank > 0
    return Choice(
        document=document,
        teacher=np.where(ranked, np.int8(0), np.int8(NO_TEACHER)),
        rank=rank,
        score=score,
        anchor_score=_where_ranked(ranked, pool.anchor),
        bar=np.full(shape, np.nan, dtype=np.float32) if rule.bar is None else _where_ranked(ranked, rule.bar),
        probability=_probabilities(pool, rule, rank),
        found=np.count_nonzero(document != NO_DOCUMENT, axis=1),
        kept=np.ones(len(document), dtype=np.bool_),
        dropped=np.zeros(len(document), dtype=np.bool_),
        state=state,
        looked=True,
        calibration=None if rule.estimate is None else rule.estimate.facts,
    )


def _where_ranked(ranked: npt.NDArray[np.bool_], of_row: Scores) -> Scores:
    """A row's (R,) value at each of its (R, n) ranked slots, NaN at the others."""
    return np.where(ranked, of_row[:, None], np.float32(np.nan))


def _probabilities(pool: Pool, rule: Rule, rank: Positions) -> Scores:
    """(R, n) what the rule estimates of the candidate at each raw rank; NaN where there is none, or no estimate."""
    chosen = np.full(rank.shape, np.nan, dtype=np.float32)
    if rule.estimate is not None:
        for part in pool.chunks():
            of_candidate = rule.estimate.probability(part)
            chosen[part] = np.take_along_axis(of_candidate, np.maximum(rank[part] - 1, 0), axis=1)
        chosen[rank == 0] = np.nan
    return chosen


def _choose_chunk(pool: Pool, rule: Rule, part: slice) -> tuple[Positions, Positions, Scores, State]:
    query, positive = pool.rows.query[part], pool.rows.positive[part]
    document, score = pool.candidates.document[query], pool.candidates.score[query]
    state = judge(pool.state[part], score, rule, part)
    keys = row_keys(pool.seed, query, positive)
    columns = select(state == SURVIVOR, document, score, keys, mining=pool.mining, seed=pool.seed)
    there = columns >= 0
    row, slot = np.nonzero(there)
    state[row, columns[row, slot]] = CHOSEN
    # Candidates stand in the teacher's order and nothing is taken out of the matrix: column + 1 is the raw rank.
    at = np.maximum(columns, 0)
    return (
        np.where(there, np.take_along_axis(document, at, axis=1), NO_DOCUMENT),
        np.where(there, columns + 1, 0).astype(np.int32),
        np.where(there, np.take_along_axis(score, at, axis=1), np.float32(np.nan)),
        state,
    )


def judge(state: State, score: Scores, rule: Rule, part: slice) -> State:
    """A copy of the (r, K) `state` in which the rule has marked the candidates that it rejects."""
    state = state.copy()
    # The floor comes before the bar: it counts the candidates that are looked at, not those that survive.
    if rule.floor:
        looked = state == SURVIVOR
        state[looked & (np.cumsum(looked, axis=1, dtype=np.int32) <= rule.floor)] = WITHIN_SHIFT
    if rule.bar is not None:
        state[(state == SURVIVOR) & (score >= rule.bar[part, None])] = ABOVE_BAR
    if rule.estimate is not None:
        likely = rule.estimate.probability(part) >= np.float32(rule.estimate.target)
        state[(state == SURVIVOR) & likely] = LIKELY_POSITIVE
    return state


def settle(pool: Pool, choice: Choice) -> Choice:
    """Which rows are kept: by `shortfall`, then by `false_negatives: drop_row`."""
    choice = _settle_short_rows(pool, choice)
    return _drop_rows(pool, choice) if pool.mining.false_negatives == "drop_row" else choice


def _settle_short_rows(pool: Pool, choice: Choice) -> Choice:
    """`drop` keeps full rows, `fewer` rows that have any negative, `backfill` rows that random documents can fill."""
    wanted = pool.mining.num_negatives
    match pool.mining.shortfall:
        case "drop":
            return replace(choice, kept=choice.found == wanted)
        case "fewer":
            return replace(choice, kept=choice.found > 0)
        case "backfill":
            filled = _backfill(pool, choice.document)
            return replace(choice, document=filled, kept=(filled != NO_DOCUMENT).all(axis=1))


def _drop_rows(pool: Pool, choice: Choice) -> Choice:
    """Rows are not kept whose negatives hold a revealed positive, or a copy of one."""
    revealed = pool.revealed.pairs.lookup(pool.rows.group[:, None], choice.document) > 0
    false = (revealed & (choice.document != NO_DOCUMENT)).any(axis=1)
    return replace(choice, kept=choice.kept & ~false, dropped=choice.kept & false)


def _backfill(pool: Pool, document: Positions) -> Positions:
    filled = document.copy()
    short = np.flatnonzero((document == NO_DOCUMENT).any(axis=1))
    # As many as a row without any needs; the k-th hole of a row takes the k-th of them.
    more = draw_documents(pool, document[short], document.shape[1], rows=short)
    holes = document[short] == NO_DOCUMENT
    nth = np.cumsum(holes, axis=1) - 1
    filled[short] = np.where(holes, np.take_along_axis(more, np.maximum(nth, 0), axis=1), document[short])
    return filled

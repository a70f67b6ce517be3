"""The yield of mining and the audit of known false negatives, as the record keeps them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from experiments.ir import NO_DOCUMENT, Negatives, Scores
from experiments.miners.bins import RANK_EDGES, SCORE_EDGES, bin_of, histogram, range_labels, rates
from experiments.miners.choice import Choice
from experiments.miners.pairs import PairSet
from experiments.miners.pool import Pool
from experiments.miners.reasons import CHOSEN, REASONS, REJECTED, REVEALED, SAME_GROUP, SAME_TEXT, SURVIVOR
from experiments.records.mining import CalibrationFacts, Histogram, MiningFacts


def mining_facts(pool: Pool, choice: Choice, row: npt.NDArray[np.int64], negatives: Negatives) -> MiningFacts:
    """Facts of the rows before any drop (`queries` to `rejected_reasons`) and of the `negatives` that are left.

    row: (len(negatives),) int64, where each of them stands among the pool's rows.
    """
    looked = _counts(choice)
    rejected = {REASONS[code]: looked[code] for code in REJECTED if looked.get(code)}
    there = negatives.document != NO_DOCUMENT
    ranked = negatives.rank > 0
    gap = negatives.gap
    hidden = _hidden(pool)
    answers = pool.relevant.lookup(pool.rows.group[row, None], negatives.document)
    slot = np.broadcast_to(np.arange(there.shape[1]), there.shape)
    return MiningFacts(
        queries=pool.queries,
        rows=len(pool.rows),
        kept=len(negatives),
        short_rows=int(np.count_nonzero(choice.found < pool.mining.num_negatives)),
        not_common=int(np.count_nonzero(choice.kept)) - len(row),
        without_positive=pool.rows.without_positive,
        candidates=sum(looked.values()),
        rejected=sum(rejected.values()),
        rejected_reasons=rejected,
        **means(negatives),
        mined=int(np.count_nonzero(there)),
        known_false=int(np.count_nonzero(negatives.known_false)),
        known_false_by_rank=rates(
            slot[there], negatives.known_false[there], tuple(str(i + 1) for i in range(there.shape[1]))
        ),
        known_false_by_score=rates(
            bin_of(negatives.score[ranked], SCORE_EDGES), negatives.known_false[ranked], range_labels(SCORE_EDGES)
        ),
        histograms=_histograms(negatives, gap, ranked),
        kept_queries=len(np.unique(negatives.query)),
        ranked=int(np.count_nonzero(ranked)),
        above_positive=int(np.count_nonzero(gap[ranked] < 0)),
        hidden=len(hidden),
        hidden_copies=int(np.count_nonzero(hidden == SAME_TEXT)),
        known_false_copies=int(np.count_nonzero(answers[negatives.known_false] == SAME_TEXT)),
        placebo=pool.placebo,
        dropped_rows=int(np.count_nonzero(choice.dropped)) if pool.mining.false_negatives == "drop_row" else None,
        relabelled=pool.relabelled,
        calibration=with_chosen(choice.calibration, negatives.probability),
        given=int(np.count_nonzero(there & _own(pool, negatives))) if choice.given else None,
        same_group=None if pool.parents is None else int(np.count_nonzero(_together(pool, negatives))),
        same_group_excluded=_same_group_excluded(pool),
        evaluated=_evaluated(pool, negatives),
        no_anchor=pool.no_anchor if pool.candidates.sparse else None,
        ended=pool.ended if pool.candidates.sparse else None,
    )


def means(negatives: Negatives) -> dict[str, float | None]:
    """The means of MiningFacts, over the ranked negatives and the positives that they stand beside."""
    ranked = negatives.rank > 0
    return {
        "mean_rank": mean(negatives.rank[ranked]),
        "mean_gap": mean(negatives.gap[ranked]),
        "mean_positive_score": mean(negatives.positive_scores),
        "mean_negative_score": mean(negatives.score[ranked]),
    }


def mean(values: npt.NDArray[np.float32] | npt.NDArray[np.int32]) -> float | None:
    """In float64; None of nothing."""
    return float(np.mean(values, dtype=np.float64)) if values.size else None


def with_chosen(facts: CalibrationFacts | None, probability: Scores) -> CalibrationFacts | None:
    """`facts` with the mean of the chosen negatives' probabilities, NaN where nothing was estimated; None of None."""
    if facts is None:
        return None
    return facts.model_copy(update={"chosen": mean(probability[~np.isnan(probability)])})


def _own(pool: Pool, negatives: Negatives) -> npt.NDArray[np.bool_]:
    """(R, n) which negatives are the data's own; the others have filled a row up."""
    given = PairSet.build(pool.relevant.documents, (pool.given.query, pool.given.document, 1))
    return given.lookup(negatives.query[:, None], negatives.document) > 0


def _together(pool: Pool, negatives: Negatives) -> npt.NDArray[np.bool_]:
    """(R, n) which negatives were cut from the same whole as their row's positive."""
    assert pool.parents is not None
    return pool.parents.alike(negatives.document, negatives.positive[:, None])


def _evaluated(pool: Pool, negatives: Negatives) -> int | None:
    """Negatives that are relevant for a query of another split than train; None without such a split."""
    if pool.evaluated is None:
        return None
    return int(np.count_nonzero(pool.evaluated[negatives.document] & (negatives.document != NO_DOCUMENT)))


def _same_group_excluded(pool: Pool) -> int | None:
    """Candidates that only `mining.same_group` has excluded; None where it excludes none."""
    if pool.mining.same_group == "keep":
        return None
    return int(np.count_nonzero(pool.state == SAME_GROUP))


def _hidden(pool: Pool) -> npt.NDArray[np.int8]:
    """Labels of the rows' relevant pairs that may be mined, or that `reveal` alone keeps from being mined."""
    pairs = pool.relevant
    asked = np.isin(pairs.group, pool.rows.group) & np.isin(pairs.document, pool.minable)
    return pairs.label[asked & np.isin(pool.excluded.by_text.lookup(pairs.group, pairs.document), (0, REVEALED))]


def _counts(choice: Choice) -> dict[int, int]:
    """Candidates by code of reasons.py, those alone that were looked at."""
    if not choice.looked:
        return {}
    return {code: int(np.count_nonzero(choice.state == code)) for code in (*REJECTED, SURVIVOR, CHOSEN)}


def _histograms(
    negatives: Negatives, gap: npt.NDArray[np.float32], ranked: npt.NDArray[np.bool_]
) -> dict[str, Histogram]:
    shown = {"positive_score": histogram(negatives.positive_scores, SCORE_EDGES)} if len(negatives) else {}
    if not ranked.any():
        return shown
    return {
        **shown,
        "rank": histogram(negatives.rank[ranked], RANK_EDGES),
        "gap": histogram(gap[ranked], SCORE_EDGES),
        "negative_score": histogram(negatives.score[ranked], SCORE_EDGES),
    }

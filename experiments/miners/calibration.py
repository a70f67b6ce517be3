"""How likely a candidate is a false negative, learned from the hidden positives of the training queries themselves.

A logistic regression of "is a hidden positive" on the teacher's score, its gap to the anchor and the logarithm of its
rank, cross-fitted: no row is judged by a fit that saw a row of the same query text. It knows what mining is not told
elsewhere, which queries' candidates are judged relevant, so an arm that uses it is one with extra information.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from experiments.errors import UserError
from experiments.identity import derive_seed
from experiments.ir import Scores
from experiments.miners.draws import uniform
from experiments.miners.reasons import SURVIVOR
from experiments.records.mining import CalibrationFacts, ReliabilityBin

if TYPE_CHECKING:
    from experiments.miners.pool import Pool

FOLDS = 5
FEWEST_HIDDEN = 50
"""Hidden positives among the candidates, below which three weights and an intercept are not worth fitting."""
RELIABILITY_EDGES = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
"""Narrow near 0, where nearly all candidates lie."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Estimate:
    """What a rule predicts of each candidate.

    probability: rows of the pool -> (r, K) float32, the probability that each candidate answers the query; of those
    that are looked at, and of any value elsewhere. target: a candidate survives iff its own lies below it.
    """

    probability: Callable[[slice], Scores]
    target: float
    facts: CalibrationFacts


@dataclass(frozen=True)
class Examples:
    """E candidates of rows whose query text has hidden positives: what a fit reads.

    features: (E, 3) float64. hidden: (E,) bool. row: (E,) int64, of the pool.
    """

    features: Floats
    hidden: npt.NDArray[np.bool_]
    row: npt.NDArray[np.int64]


def calibrate(pool: Pool, *, target: float) -> Estimate:
    """Five fits, each of the rows outside one fold, and the probabilities that they give the rows inside it.

    Holds the features of all examples, 24 bytes a candidate. Raises UserError for fewer than FEWEST_HIDDEN hidden
    positives, or where those outside a fold are all or nothing.
    """
    fold, examples = row_folds(pool.rows.group, seed=pool.seed), _examples(pool)
    if (found := int(np.count_nonzero(examples.hidden))) < FEWEST_HIDDEN:
        raise UserError(
            f"miner=topk_calibrated: {found} hidden positives among the candidates of training queries, and a fit "
            f"needs {FEWEST_HIDDEN}: add training queries, raise mining.depth, or use another miner"
        )
    weights = np.stack([_fit(examples, fold[examples.row] != one) for one in range(FOLDS)])
    of_row = weights[fold]

    def probability(part: slice) -> Scores:
        values = [value * of_row[part, i, None] for i, value in enumerate(_features(pool, part))]
        return _sigmoid(sum(values, start=of_row[part, -1, None])).astype(np.float32)

    predicted = _sigmoid((examples.features * of_row[examples.row, :-1]).sum(axis=1) + of_row[examples.row, -1])
    return Estimate(probability=probability, target=target, facts=_facts(examples, predicted, target))


def row_folds(group: npt.NDArray[np.int64], *, seed: int) -> npt.NDArray[np.int64]:
    """(R,) which of FOLDS folds each row belongs to: a seeded draw by query text, whatever the other rows."""
    return (uniform(derive_seed(seed, "calibration"), group) * FOLDS).astype(np.int64)


def _features(pool: Pool, part: slice) -> tuple[Floats, Floats, Floats]:
    """(r, K) each: score, score less anchor, and logarithm of the rank after the exclusions."""
    score = pool.candidates.score[pool.rows.query[part]].astype(np.float64)
    rank = np.cumsum(pool.state[part] == SURVIVOR, axis=1, dtype=np.int32)
    return score, score - pool.anchor[part, None].astype(np.float64), np.log(np.maximum(rank, 1))


def _examples(pool: Pool) -> Examples:
    asked = np.isin(pool.rows.group, _texts_with_hidden(pool))
    features, hidden, rows = [np.zeros((0, 3))], [np.zeros(0, dtype=np.bool_)], [np.zeros(0, dtype=np.int64)]
    for part in pool.chunks():
        row, column = np.nonzero((pool.state[part] == SURVIVOR) & asked[part, None])
        document = pool.candidates.document[pool.rows.query[part][row], column]
        features.append(np.stack([value[row, column] for value in _features(pool, part)], axis=1))
        hidden.append(pool.relevant.lookup(pool.rows.group[part][row], document) > 0)
        rows.append(row + part.start)
    return Examples(features=np.concatenate(features), hidden=np.concatenate(hidden), row=np.concatenate(rows))


def _texts_with_hidden(pool: Pool) -> npt.NDArray[np.int64]:
    """The query texts that something answers which may be mined: neither shown nor taken out."""
    pairs = pool.relevant
    hidden = np.isin(pairs.document, pool.minable) & (pool.excluded.by_text.lookup(pairs.group, pairs.document) == 0)
    return np.unique(pairs.group[hidden])


def _fit(examples: Examples, among: npt.NDArray[np.bool_]) -> Floats:
    """(4,) three weights and the intercept of scikit-learn's fit to the examples `among`, for features as they are."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    hidden = examples.hidden[among]
    if hidden.all() or not hidden.any():
        raise UserError(
            f"miner=topk_calibrated: outside one of its {FOLDS} folds of training queries "
            f"{'all' if hidden.any() else 'none'} of {len(hidden)} candidates are hidden positives: "
            "add training queries, raise mining.depth, or use another miner"
        )
    scaler = StandardScaler()
    scaled = scaler.fit_transform(examples.features[among])
    fitted = LogisticRegression(C=1.0, solver="newton-cholesky", tol=1e-8, max_iter=1000).fit(scaled, hidden)
    weights = fitted.coef_[0] / scaler.scale_
    return np.append(weights, fitted.intercept_[0] - weights @ scaler.mean_)


def _sigmoid(values: Floats) -> Floats:
    # The hyperbolic tangent overflows for no argument.
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * values)))


def _facts(examples: Examples, predicted: Floats, target: float) -> CalibrationFacts:
    return CalibrationFacts(
        target=target,
        rows=len(np.unique(examples.row)),
        candidates=len(predicted),
        hidden=int(np.count_nonzero(examples.hidden)),
        brier=float(np.mean(np.square(predicted - examples.hidden))),
        reliability=tuple(_reliability(predicted, examples.hidden)),
    )


def _reliability(predicted: Floats, hidden: npt.NDArray[np.bool_]) -> list[ReliabilityBin]:
    """Of each bin that holds any candidate."""
    bins = len(RELIABILITY_EDGES) - 1
    at = np.clip(np.searchsorted(RELIABILITY_EDGES, predicted, side="right") - 1, 0, bins - 1)
    counts, false = np.bincount(at, minlength=bins), np.bincount(at[hidden], minlength=bins)
    sums = np.bincount(at, weights=predicted, minlength=bins)
    return [
        ReliabilityBin(
            low=RELIABILITY_EDGES[i],
            high=RELIABILITY_EDGES[i + 1],
            candidates=int(counts[i]),
            hidden=int(false[i]),
            predicted=float(sums[i] / counts[i]),
        )
        for i in np.flatnonzero(counts)
    ]

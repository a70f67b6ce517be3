"""How well a quantity orders arms, and how well it does so on a collection that its sign was not taken from.

Kendall's tau-b (1945, *Biometrika* 33) per group, averaged over the groups of a collection, then over collections.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np
import numpy.typing as npt

from analysis.predict.groups import Group, Values

Predict = Callable[[Group], Values]
"""(A,) values that should be high where the arm is good; NaN where it has none."""


@dataclass(frozen=True)
class LeftOut:
    """One collection, left out. tau: between prediction and gain. regret: nDCG@10 that the arm predicted best lacks."""

    collection: str
    groups: int
    tau: float
    regret: float


def tau(predicted: Values, gains: Values) -> float | None:
    """Kendall's tau-b over the arms that have a prediction; None with fewer than three, or where all are equal."""
    there = np.isfinite(predicted)
    if there.sum() < 3 or np.ptp(predicted[there]) == 0 or np.ptp(gains[there]) == 0:
        return None
    from scipy import stats  # takes longer than all else that these pages import

    return float(stats.kendalltau(predicted[there], gains[there]).statistic)


def regret(predicted: Values, gains: Values) -> float:
    """Best gain among the arms that have a prediction, less that of the arm predicted best (equal ones: their mean)."""
    there = np.isfinite(predicted)
    best = predicted[there] == predicted[there].max()
    return float(gains[there].max() - gains[there][best].mean())


def chance_regret(groups: Sequence[Group]) -> float:
    """Of an arm drawn at random, over groups, each collection alike."""
    return fmean(
        fmean(float(group.gains.max() - group.gains.mean()) for group in inside)
        for inside in _collections(groups).values()
    )


def mean_tau(groups: Sequence[Group], predict: Predict) -> float | None:
    """Over the groups that have one, each collection alike; None where none has."""
    by_collection = [_taus(inside, predict) for inside in _collections(groups).values()]
    found = [fmean(value for _, value in judged) for judged in by_collection if judged]
    return fmean(found) if found else None


def by_quantity(groups: Sequence[Group], name: str) -> list[LeftOut]:
    """Each collection in turn, ordered by the quantity with the sign that its mean tau has on the others."""

    def fit(others: Sequence[Group]) -> Predict | None:
        found = mean_tau(others, lambda group: group.known[name])
        return None if found is None else lambda group: np.sign(found) * group.known[name]

    return _leave_out(groups, fit)


def by_all(groups: Sequence[Group], names: Sequence[str]) -> list[LeftOut]:
    """The same with least squares of the gain on all quantities, all of them standardised inside a group."""

    def fit(others: Sequence[Group]) -> Predict | None:
        gains = [_standard(group.gains[_whole(group, names), None]) for group in others]
        rows = [np.column_stack([_inputs(group, names), gain]) for group, gain in zip(others, gains, strict=True)]
        table = np.concatenate(rows) if rows else np.empty((0, len(names) + 1))
        if len(table) <= len(names):
            return None
        weights = np.linalg.lstsq(table[:, :-1], table[:, -1], rcond=None)[0]
        return lambda group: _spread(group, names, _inputs(group, names) @ weights)

    return _leave_out(groups, fit)


def _leave_out(groups: Sequence[Group], fit: Callable[[Sequence[Group]], Predict | None]) -> list[LeftOut]:
    results = []
    for collection, inside in _collections(groups).items():
        predict = fit([group for group in groups if group.collection != collection])
        if predict is None:
            continue
        if judged := _taus(inside, predict):
            losses = [regret(predict(group), group.gains) for group, _ in judged]
            results.append(LeftOut(collection, len(judged), fmean(value for _, value in judged), fmean(losses)))
    return results


def _taus(groups: Sequence[Group], predict: Predict) -> list[tuple[Group, float]]:
    """The groups that have a tau, each with it."""
    return [(group, value) for group in groups if (value := tau(predict(group), group.gains)) is not None]


def _collections(groups: Sequence[Group]) -> Mapping[str, list[Group]]:
    found: dict[str, list[Group]] = {}
    for group in groups:
        found.setdefault(group.collection, []).append(group)
    return dict(sorted(found.items()))


def _whole(group: Group, names: Sequence[str]) -> npt.NDArray[np.bool_]:
    """(A,) the arms that have every quantity."""
    there: npt.NDArray[np.bool_] = np.all(np.isfinite([group.known[name] for name in names]), axis=0)
    return there


def _standard(table: Values) -> Values:
    """(arms, columns) with mean 0 and standard deviation 1; 0 where a column is constant."""
    if not len(table):
        return table
    centred: Values = table - table.mean(axis=0)
    spread = np.broadcast_to(table.std(axis=0), table.shape)
    out: Values = np.zeros_like(centred)
    np.divide(centred, spread, out=out, where=spread > 0)
    return out


def _inputs(group: Group, names: Sequence[str]) -> Values:
    """(arms that have every quantity, quantities), standardised."""
    return _standard(np.column_stack([group.known[name][_whole(group, names)] for name in names]))


def _spread(group: Group, names: Sequence[str], values: Values) -> Values:
    """(A,) again, NaN for the arms that were left out."""
    out = np.full(len(group.arms), np.nan)
    out[_whole(group, names)] = values
    return out

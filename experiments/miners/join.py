"""The rows of a mixture's parts as rows of the joined collection, and the totals of their facts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from typing import Any

import numpy as np
import numpy.typing as npt

from experiments.collections.join import Offsets
from experiments.ir import NO_DOCUMENT, Negatives, Positions
from experiments.miners.facts import means
from experiments.miners.member_facts import several_teachers, total_members
from experiments.miners.mine import Mined
from experiments.miners.reasons import PADDING
from experiments.records.mining import Histogram, MiningFacts, PlaceboFacts, RateBin

Reasons = npt.NDArray[np.int8]


def join_mined(mined: Mapping[str, Mined], places: Mapping[str, Offsets]) -> Mined:
    """The parts' rows one after the other, their positions those of the joined collection; a single part as it is.

    Rows are not chosen anew, and no negative leaves its part's corpus.
    """
    if len(mined) == 1:
        return next(iter(mined.values()))
    parts = list(mined.values())
    moved = [_moved(one.negatives, places[name]) for name, one in mined.items()]
    rows = [one.rows + np.array([places[name].query, places[name].document]) for name, one in mined.items()]
    before = np.cumsum([0, *(len(one.rows) for one in parts)])
    return Mined(
        negatives=(negatives := _concatenated(moved)),
        rows=np.concatenate(rows).astype(np.int32),
        row=np.concatenate([one.row + start for one, start in zip(parts, before, strict=False)]),
        reasons=_padded([one.reasons for one in parts]),
        facts=total([one.facts for one in parts], negatives),
        parts={name: one.facts for name, one in mined.items()},
    )


def _moved(negatives: Negatives, place: Offsets) -> Negatives:
    held = {field.name: getattr(negatives, field.name) for field in fields(Negatives)}
    document = np.where(negatives.document == NO_DOCUMENT, NO_DOCUMENT, negatives.document + place.document)
    moved = {
        "query": _positions(negatives.query + place.query),
        "positive": _positions(negatives.positive + place.document),
        "document": _positions(document),
    }
    return Negatives(**{**held, **moved})


def _positions(values: npt.NDArray[np.integer]) -> Positions:
    return values.astype(np.int32)


def _concatenated(parts: Sequence[Negatives]) -> Negatives:
    return Negatives(**{one.name: np.concatenate([getattr(p, one.name) for p in parts]) for one in fields(Negatives)})


def _padded(reasons: Sequence[Reasons]) -> Reasons:
    """One below the other; parts look at different numbers of candidates."""
    width = max(one.shape[1] for one in reasons)
    return np.concatenate(
        [np.pad(one, ((0, 0), (0, width - one.shape[1])), constant_values=PADDING) for one in reasons]
    )


# ---------------------------------------------------------------- facts


def total(parts: Sequence[MiningFacts], negatives: Negatives) -> MiningFacts:
    """Counts added up, means over all `negatives`, which are those of all parts.

    None where one part has None, and for what has no total; each part keeps its own.
    """
    shared = [name for name in MiningFacts.model_fields if name not in {"members", "overlap"}]
    added = {name: _added([getattr(one, name) for one in parts]) for name in shared}
    facts = MiningFacts.model_validate({**added, **means(negatives)})
    members = total_members([one.members for one in parts if one.members], negatives)
    return facts if members is None else several_teachers(facts, members)


def _added(values: Sequence[Any]) -> Any:
    first = values[0]
    if any(type(value) is not type(first) for value in values):
        return None
    added = next((add for kind, add in _ADD.items() if isinstance(first, kind)), None)
    return None if added is None else added(values)


def _added_counts(values: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {key: _added([one[key] for one in values if key in one]) for key in _keys(values)}


def _added_histograms(values: Sequence[Histogram]) -> Histogram:
    counts = np.sum([one.counts for one in values], axis=0)
    return Histogram(edges=values[0].edges, counts=tuple(counts.tolist()))


def _keys(values: Sequence[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(key for one in values for key in one))


def _added_bins(values: Sequence[Sequence[RateBin]]) -> tuple[RateBin, ...]:
    """In the order of the fixed bins, which every part's own are in."""
    found: dict[str, RateBin] = {}
    for one in (rate for part in values for rate in part):
        known = found.get(one.label, RateBin(label=one.label, mined=0, known_false=0))
        counts = {"mined": known.mined + one.mined, "known_false": known.known_false + one.known_false}
        found[one.label] = known.model_copy(update=counts)
    return tuple(sorted(found.values(), key=lambda rate: float(rate.label.partition(" ")[0])))


def _added_placebos(values: Sequence[PlaceboFacts]) -> PlaceboFacts:
    matched = sum(one.matched for one in values)
    means = {
        name: sum(one.matched * (getattr(one, name) or 0.0) for one in values) / matched if matched else None
        for name in ("mean_rank_distance", "mean_score_difference")
    }
    return PlaceboFacts(matched=matched, unmatched=sum(one.unmatched for one in values), **means)


_ADD: Mapping[type, Callable[[Any], Any]] = {
    int: sum,
    dict: _added_counts,
    tuple: _added_bins,
    Histogram: _added_histograms,
    PlaceboFacts: _added_placebos,
}
"""How the values of a field are added up, by their type; those of another type have no total."""

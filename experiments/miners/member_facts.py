"""What each member of an ensemble gave, and how alike the members mine."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import numpy.typing as npt

from experiments.config import EnsembleTeacher
from experiments.ir import NO_DOCUMENT, Negatives, Positions
from experiments.miners.chunks import chunks
from experiments.miners.ensemble import Combined
from experiments.miners.facts import mean, with_chosen
from experiments.records.mining import MemberFacts, MemberOverlap, MiningFacts

RANKS_ALONE = ("rank",)
"""The histograms that the negatives of several teachers may share: ranks have one unit, scores have not."""


def with_members(
    facts: MiningFacts,
    combined: Combined,
    row: npt.NDArray[np.int64],
    negatives: Negatives,
    *,
    ensemble: EnsembleTeacher,
) -> MiningFacts:
    """`facts` with a part for each member in place of means over the scores of several; as they are where none ranked.

    row: (len(negatives),) where each row stands among those before any drop.
    """
    if not combined.choice.looked:
        return facts
    best = [offer.document[row, 0] for offer in combined.offers]
    if ensemble.combine == "cross_sample":
        best = [np.full_like(one, NO_DOCUMENT) for one in best]
    members = tuple(
        _member(negatives, m, name, best[m]).model_copy(
            update={"calibration": with_chosen(offer.calibration, negatives.probability[negatives.teacher == m])}
        )
        for m, (name, offer) in enumerate(zip(ensemble.names, combined.offers, strict=True))
    )
    offered = [np.where(offer.rank > 0, offer.document, NO_DOCUMENT) for offer in combined.offers]
    pairs = combinations(range(len(offered)), 2)
    overlap = tuple(MemberOverlap(first=a, second=b, jaccard=jaccard(offered[a], offered[b])) for a, b in pairs)
    return several_teachers(facts, members).model_copy(update={"overlap": overlap})


def several_teachers(facts: MiningFacts, members: tuple[MemberFacts, ...]) -> MiningFacts:
    """`facts` without what is made of scores, and with `members`."""
    return facts.model_copy(
        update={
            "mean_gap": None,
            "mean_positive_score": None,
            "mean_negative_score": None,
            "known_false_by_score": (),
            "histograms": {name: found for name, found in facts.histograms.items() if name in RANKS_ALONE},
            "members": members,
        }
    )


def total_members(parts: Sequence[tuple[MemberFacts, ...]], negatives: Negatives) -> tuple[MemberFacts, ...] | None:
    """Of the parts of a mixture, over all their `negatives`; None where there are no members."""
    if not parts:
        return None
    unknown = np.full(len(negatives), NO_DOCUMENT, dtype=np.int32)
    return tuple(
        _member(negatives, m, of_parts[0].name, unknown).model_copy(
            update={"duplicates": sum(one.duplicates for one in of_parts)}
        )
        for m, of_parts in enumerate(zip(*parts, strict=True))
    )


def _member(negatives: Negatives, member: int, name: str, best: Positions) -> MemberFacts:
    """best: (R,) the member's best survivor in each row, NO_DOCUMENT where it has none or was not asked."""
    own = negatives.teacher == member
    with_own = own.any(axis=1)
    slot = own.argmax(axis=1)[with_own]
    earlier = (negatives.teacher >= 0) & (negatives.teacher < member)
    duplicate = (best != NO_DOCUMENT) & (earlier & (negatives.document == best[:, None])).any(axis=1)
    gap = negatives.gap[own]
    return MemberFacts(
        name=name,
        rows=int(np.count_nonzero(with_own)),
        negatives=int(np.count_nonzero(own)),
        known_false=int(np.count_nonzero(negatives.known_false[own])),
        duplicates=int(np.count_nonzero(duplicate)),
        above_positive=int(np.count_nonzero(gap < 0)),
        mean_rank=mean(negatives.rank[own]),
        mean_gap=mean(gap),
        mean_positive_score=mean(negatives.positive_score[with_own, slot]),
        mean_negative_score=mean(negatives.score[own]),
    )


def jaccard(first: Positions, second: Positions) -> float | None:
    """Mean over rows of |A & B| / |A | B|, of (R, n) documents a row on either side, NO_DOCUMENT where there is none.

    Rows in which both are empty do not count; None where all are.
    """
    shares = []
    for part in chunks(len(first), first.shape[1] * second.shape[1]):
        a, b = first[part], second[part]
        common = ((a[:, :, None] == b[:, None, :]) & (a != NO_DOCUMENT)[:, :, None]).any(axis=2).sum(axis=1)
        either = (a != NO_DOCUMENT).sum(axis=1) + (b != NO_DOCUMENT).sum(axis=1) - common
        shares.append(common[either > 0] / either[either > 0])
    every = np.concatenate(shares) if shares else np.zeros(0)
    return float(every.mean()) if every.size else None

"""What a study's data can and cannot decide, in one sentence a block."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from analysis.arms import ArmRow, arm_rows
from analysis.compare import compare_arms, difference_tasks
from analysis.formats import p_text, signed
from analysis.load import Study
from analysis.planner import seeds_needed, spread
from analysis.stats import Difference, holm

ALPHA = 0.05
POWER = 0.8
DIGITS = 3
UNDECIDED = ("undecided", "cannot be told apart")
"""What the sentence says where a difference is not decided."""

NOTE = (
    "Intervals: 95%, paired. p: Holm over the arms that are compared with the baseline. More seeds: for 80% power at "
    "5%, for one of several arms at 5% over their number, were the difference seen here the true one; the spread "
    "between few seeds is itself uncertain."
)


@dataclass(frozen=True)
class Found:
    """An arm against another: their difference, and its p (adjusted where it is one of several)."""

    arm: str
    other: str
    difference: Difference
    p: float

    @property
    def decided(self) -> bool:
        """Whether p lies below 5%."""
        return self.p < ALPHA


def sentence(study: Study, block: str) -> str:
    """What stands against the baseline, what else is decided there, and whether the two best arms can be told apart.

    Of arms that were trained. The first one named is the best by mean, or the baseline's nearest rival where the
    baseline is best. "" where nothing can be compared.
    """
    rows = [row for row in arm_rows(study, block) if row.mean is not None and row.view is not None]
    best = sorted(rows, key=lambda row: -(row.mean or 0.0))
    if len(best) < 2:
        return ""
    against = _against_baseline(study, rows)
    named = next((found for row in best for found in against if found.arm == row.arm), None)
    parts = [] if named is None else [_versus(named, among=len(against))]
    parts += [_also(found) for found in against if found.decided and found is not named]
    told = _told_apart(study, block, best)
    if told is not None and (named is None or {told.arm, told.other} != {named.arm, named.other}):
        parts.append(_pair(told))
    return "; ".join(parts) + "." if parts else ""


def _against_baseline(study: Study, rows: Sequence[ArmRow]) -> list[Found]:
    """Every trained arm against the baseline, p adjusted over them."""
    there = [(row.arm, row.difference) for row in rows if row.difference is not None]
    adjusted = holm([difference.p for _, difference in there]) if there else []
    baseline = study.plan.declaration.baseline_name
    return [Found(arm, baseline, d, p) for (arm, d), p in zip(there, adjusted, strict=True)]


def _told_apart(study: Study, block: str, best: Sequence[ArmRow]) -> Found | None:
    """The best arm against the one after it."""
    first, second = best[0].arm, best[1].arm
    difference = compare_arms(study, block, first, second, difference_tasks(study, block))
    return None if difference is None else Found(first, second, difference, difference.p)


def _versus(found: Found, *, among: int) -> str:
    d = found.difference
    interval = f"{signed(d.mean, DIGITS)} [{signed(d.low, DIGITS)}, {signed(d.high, DIGITS)}]"
    chosen = f", best of {among}" if among > 1 else ""
    text = f"{found.arm} over {found.other}: {interval} (p {p_text(found.p)}{chosen})"
    if found.decided:
        return f"{text}, {'higher' if d.mean > 0 else 'lower'}{_one_seed(d)}"
    # Holm's first step: the smallest of the p-values is compared with alpha over their number.
    return f"{text}, {UNDECIDED[0]}: {_more(found, alpha=ALPHA / among)}"


def _also(found: Found) -> str:
    d = found.difference
    return (
        f"{found.arm} is {'above' if d.mean > 0 else 'below'} {found.other} by {abs(d.mean):.{DIGITS}f}{_one_seed(d)}"
    )


def _pair(found: Found) -> str:
    d = found.difference
    if found.decided:
        return f"{found.arm} is above {found.other} by {signed(d.mean, DIGITS)}{_one_seed(d)}"
    return f"{found.arm} and {found.other} {UNDECIDED[1]} ({signed(d.mean, DIGITS)}): {_more(found, alpha=ALPHA)}"


def _one_seed(difference: Difference) -> str:
    return " on these queries with one seed, which says nothing about a second run" if _single(difference) else ""


def _single(difference: Difference) -> bool:
    return difference.components.seeds < 2


def _more(found: Found, *, alpha: float) -> str:
    """How many more seeds would decide it, were the difference seen here the true one."""
    d = found.difference
    if _single(d):
        return "one seed does not say, run at least three (seed=0,1,2, or study.seeds=[0,1,2])"
    if d.mean == 0.0:
        return "they score the same"
    seeds, queries = d.components.seeds, round(sum(d.components.queries) / len(d.components.queries))
    needed = seeds_needed(
        spread(d.components), difference=abs(d.mean), queries=queries, power_wanted=POWER, alpha=alpha
    )
    if needed is None:
        return "not even 20 seeds would, it takes more test queries"
    more = max(needed - seeds, 1)
    return f"{more} more seed{'' if more == 1 else 's'} would"

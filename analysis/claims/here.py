"""What the runs here say of a claim: one line per study, block and pair, with a verdict."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from analysis.arms import ArmRow, KnownFalse, arm_rows
from analysis.claims.schema import Claim, Kind, Pair, StudyTest
from analysis.claims.there import bound
from analysis.compare import compare_arms, difference_tasks, equivalence
from analysis.formats import DASH
from analysis.load import Study
from analysis.stats import Difference
from analysis.tables.cells import difference_text, known_text, marks
from analysis.tables.overlap import overlapping, overlaps
from experiments.records.folder import is_outdated

LEAST_SEEDS = 5
"""Fewer give no verdict."""

Verdict = Literal["holds", "not separable", "reversed", "not tested here"]
Found = tuple[Verdict, str]
"""A verdict, and why there is none."""


@dataclass(frozen=True)
class Line:
    """One test of a claim. why: why there is no verdict. command: what would give one; "" where there is one."""

    study: str
    further: bool
    block: str
    contrast: str
    ours: str
    seeds: str
    verdict: Verdict
    why: str = ""
    marks: str = ""
    outdated: bool = False
    command: str = ""

    @property
    def has_figures(self) -> bool:
        """Whether both arms have run."""
        return self.ours != DASH


def lines(claim: Claim, published: Mapping[str, Callable[[], Study]], folder: Path) -> list[Line]:
    """Every test of a claim. published: name -> how to load a study that has a plan. folder: the paper's figures."""
    return [
        line
        for test in claim.tests
        for name, arguments in test.published
        for line in (
            _of_study(claim, test, published[name](), folder)
            if name in published
            else [_untested(test, name, "not run", command=f"python -m experiments.run -m {arguments}")]
        )
    ]


def _of_study(claim: Claim, test: StudyTest, study: Study, folder: Path) -> Iterator[Line]:
    if claim.kind == "overlap":
        yield from _overlaps(test, study, bound(claim, folder))
        return
    for pair in test.pairs or claim.pairs:
        found = [_arms(study, block, pair) for block in test.blocks or study.plan.blocks]
        both = [arms for arms in found if arms is not None]
        if not both:
            yield _untested(test, study.name, "the study lacks one of these arms", contrast=" − ".join(pair))
        for first, second in both:
            about = _rates if claim.kind == "fewer_false" else _scores
            yield about(claim.kind, test, study, first, second)


def _untested(
    test: StudyTest, study: str, why: str, *, block: str = DASH, contrast: str = DASH, command: str = ""
) -> Line:
    return Line(study, test.further, block, contrast, DASH, DASH, "not tested here", why, command=command)


def _arms(study: Study, block: str, pair: Pair) -> tuple[ArmRow, ArmRow] | None:
    """The block's arms of these names, else the first that stand for these rows of the paper; None unless both."""
    declared = study.plan.declaration.paper
    stands_for = {} if declared is None else declared.rows
    found = arm_rows(study, block)
    rows = {stands_for[row.arm]: row for row in reversed(found) if row.arm in stands_for}
    rows |= {row.arm: row for row in found}
    return (rows[pair[0]], rows[pair[1]]) if set(pair) <= set(rows) else None


def _scores(kind: Kind, test: StudyTest, study: Study, first: ArmRow, second: ArmRow) -> Line:
    """A line about a difference of nDCG@10, over the tasks that the block's differences are about."""
    block, margin = first.block, study.plan.declaration.margin
    difference = compare_arms(study, block, first.arm, second.arm, difference_tasks(study, block))
    line = _told(test, study, first, second)
    if difference is None:
        return replace(line, why="not run", command=study.plan.run_command())
    if kind != "higher" and margin is None:
        found: Found = ("not tested here", "no margin declared")
    else:
        found = judged(kind, difference, margin or 0.0), ""
    return _with(line, study, difference.components.seeds, difference_text(difference), found)


def _rates(_kind: Kind, test: StudyTest, study: Study, first: ArmRow, second: ArmRow) -> Line:
    """A line about two rates of known false negatives."""
    line, known, other = _told(test, study, first, second), first.known_false, second.known_false
    if known is None or other is None:
        return replace(line, why="not run", command=study.plan.run_command())
    fewer = f" ({100 * (1 - known.rate / other.rate):.0f}% fewer)" if 0 < known.rate < other.rate else ""
    ours = f"{known_text(known)} against {known_text(other)}{fewer}"
    return _with(line, study, min(first.seeds, second.seeds), ours, fewer_false(known, other))


def _overlaps(test: StudyTest, study: Study, below: float) -> Iterator[Line]:
    """A line an arm whose teachers' negatives were compared.

    One seed gives a verdict: the bound is compared with the largest of many means over thousands of rows.
    """
    arms = list(overlapping(study, test.blocks or study.plan.blocks))
    if not arms:
        yield _untested(test, study.name, "not run", command=study.plan.run_command())
    for block, arm, run in arms:
        found = overlaps(run)
        line = _untested(test, study.name, "", block=block, contrast=arm)
        if not found:
            yield replace(line, why="no two teachers have negatives in a row")
            continue
        ours = f"{min(found):.2f} to {max(found):.2f} in {len(found)} cells"
        verdict: Verdict = "holds" if max(found) < below else "reversed"
        yield replace(line, ours=ours, seeds="1", verdict=verdict, outdated=is_outdated(run.record))


def _told(test: StudyTest, study: Study, first: ArmRow, second: ArmRow) -> Line:
    """The line of two arms before there is a figure."""
    return replace(
        _untested(test, study.name, "", block=first.block, contrast=f"{first.arm} − {second.arm}"),
        marks="; ".join(f"{row.arm} {marks(row)}" for row in (first, second) if marks(row)),
        outdated=bool(first.outdated or second.outdated),
    )


def _with(line: Line, study: Study, seeds: int, ours: str, found: Found) -> Line:
    """The line with its figure and verdict; no verdict from fewer than LEAST_SEEDS."""
    verdict, why = found if seeds >= LEAST_SEEDS else ("not tested here", f"{seeds} of at least {LEAST_SEEDS} seeds")
    command = study.plan.run_command() if seeds < LEAST_SEEDS else ""
    return replace(line, ours=ours, seeds=str(seeds), verdict=verdict, why=why, command=command)


def judged(kind: Kind, difference: Difference, margin: float) -> Verdict:
    """From the 95% interval, and for "equivalent" from two one-sided tests at 5%, as on the pages of studies.

    margin: the study's, unused for "higher". Raises ValueError for a kind that is not about a difference.
    """
    low, high = difference.low, difference.high
    match kind:
        case "higher":
            holds, contradicted = low > 0.0, high < 0.0
        case "at_least":
            holds, contradicted = low > -margin, high < 0.0
        case "not_higher":
            holds, contradicted = high < margin, low > 0.0
        case "equivalent":
            found = equivalence(difference, margin)
            holds, contradicted = found == "equivalent", found == "not equivalent"
        case _:
            raise ValueError(f"a claim of kind {kind} is not judged by a difference")
    return "holds" if holds else "reversed" if contradicted else "not separable"


def fewer_false(first: KnownFalse, second: KnownFalse) -> Found:
    """Whether Wilson's intervals of the two rates lie apart, which is stricter than a test of their difference."""
    if first.known + second.known == 0:
        return "not tested here", "no false negatives are known"
    (low, high), (other_low, other_high) = first.interval, second.interval
    if high < other_low:
        return "holds", ""
    return ("reversed" if low > other_high else "not separable"), ""

"""The way from naive mining to PercPos in steps, each a paired difference between two arms."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

from analysis.compare import compare_arms, difference_tasks, scores, shared_seeds
from analysis.load import Study
from analysis.roles import find_arm
from analysis.shares import Share, share
from analysis.stats import Array, Difference
from experiments.config import FalseNegatives

Rank = Literal["row", "part", "total"]


@dataclass(frozen=True)
class Role:
    """An arm by what it does: miner kind, share of hidden positives revealed, whether on the rows PercPos keeps.

    false_negatives: what is done about the revealed ones.
    """

    kind: str
    reveal: float = 0.0
    common: bool = False
    false_negatives: FalseNegatives = "remove"


NAIVE, PERCPOS = Role("naive_topk"), Role("topk_percpos")
SAME_ROWS, CLEANED = Role("naive_topk", common=True), Role("naive_topk", reveal=1.0, common=True)
PLACEBO = replace(CLEANED, false_negatives="placebo")
PERCPOS_CLEANED = Role("topk_percpos", reveal=1.0)


@dataclass(frozen=True)
class Step:
    """From one role to another. rank: the rows add up to the total; a part is a piece of the row above it."""

    name: str
    before: Role
    after: Role
    rank: Rank = "row"


STEPS = (
    Step("rows dropped", NAIVE, SAME_ROWS),
    Step("hidden positives excluded", SAME_ROWS, CLEANED),
    Step("of it: as many others excluded instead (placebo)", SAME_ROWS, PLACEBO, "part"),
    Step("of it: known false negatives removed, against the placebo", PLACEBO, CLEANED, "part"),
    Step("the rest", CLEANED, PERCPOS),
    Step("of it: PercPos's bar, positives excluded", CLEANED, PERCPOS_CLEANED, "part"),
    Step("of it: PercPos's own known false negatives", PERCPOS_CLEANED, PERCPOS, "part"),
    Step("all: naive to PercPos", NAIVE, PERCPOS, "total"),
)
NEEDED = (NAIVE, SAME_ROWS, CLEANED, PERCPOS)

STEPS_NOTE = (
    "Rows dropped: naive on its own rows against naive on the rows that PercPos keeps. Hidden positives excluded: the "
    "same with every hidden judged positive excluded before mining, which removes the known false negatives and also "
    "makes the negatives softer, for others further down the list take their places. The rest: from there to PercPos, "
    "which takes softer negatives still but keeps known false ones of its own. With hidden positives excluded PercPos "
    "may keep a few rows more, and so may naive on its rows."
)
PLACEBO_NOTE = (
    " Placebo: for each hidden positive the candidate of the nearest rank that answers nothing is excluded instead, so "
    "that negatives become softer alike and the false ones stay. Ranks are matched, scores are not."
)


@dataclass(frozen=True)
class FoundStep:
    """A step in one block: the arms it goes between, their difference, and its share of the whole way.

    difference: None while they share no seed. share: None for the whole itself, and where none can be had.
    """

    step: Step
    before: str
    after: str
    difference: Difference | None
    share: Share | None


@cache
def found_steps(study: Study, block: str) -> tuple[FoundStep, ...]:
    """The steps of a block; empty unless it has the whole way."""
    roles = {role for step in STEPS for role in (step.before, step.after)}
    arms = {
        role: find_arm(
            study,
            block,
            kind=role.kind,
            reveal=role.reveal,
            common=role.common,
            false_negatives=role.false_negatives,
        )
        for role in sorted(roles, key=repr)
    }
    if any(arms[role] is None for role in NEEDED):
        return ()
    named = {role: arm for role, arm in arms.items() if arm is not None}
    return tuple(_found(study, block, step, named) for step in STEPS if step.before in named and step.after in named)


def steps_note(found: Iterable[FoundStep]) -> str:
    """What the steps are, for the steps that were found."""
    placebo = any(PLACEBO in (one.step.before, one.step.after) for one in found)
    return STEPS_NOTE + (PLACEBO_NOTE if placebo else "")


def _found(study: Study, block: str, step: Step, arms: dict[Role, str]) -> FoundStep:
    before, after = arms[step.before], arms[step.after]
    difference = compare_arms(study, block, after, before, difference_tasks(study, block))
    whole = None if step.rank == "total" else _share(study, block, (before, after), (arms[NAIVE], arms[PERCPOS]))
    return FoundStep(step, before, after, difference, whole)


def _share(study: Study, block: str, part: tuple[str, str], whole: tuple[str, str]) -> Share | None:
    """Over the seeds that all of the arms have, so that part and whole rest on the same runs."""
    tasks = difference_tasks(study, block)
    cells = {arm: study.cell(block, arm) for arm in (*part, *whole)}
    shared = [set(shared_seeds(runs, cells[whole[0]], tasks)) for runs in cells.values()]
    seeds = sorted(set.intersection(*shared))
    if not seeds or not tasks:
        return None
    found = {arm: scores(runs, seeds, tasks) for arm, runs in cells.items()}
    return share(_minus(found[part[1]], found[part[0]]), _minus(found[whole[1]], found[whole[0]]))


def _minus(arm: list[Array], baseline: list[Array]) -> list[Array]:
    return [a - b for a, b in zip(arm, baseline, strict=True)]

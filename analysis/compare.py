"""Arms of a study against each other: paired over the seeds and queries that both have."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from analysis.load import FinishedRun, Study
from analysis.stats import Array, Difference, equivalence_p, holm, paired_difference
from experiments.config import collections_of
from experiments.studies.declaration import Contrast

MEAN = "mean"
"""A block's primary task where all of its tasks count alike."""


@dataclass(frozen=True)
class ContrastResult:
    """One contrast in one block. difference: None while a run that it needs is missing.

    p_holm: None there too, and for a contrast outside the declared family.
    """

    contrast: Contrast
    block: str
    tasks: tuple[str, ...]
    difference: Difference | None
    p_holm: float | None


def is_dev(task: str) -> bool:
    """Whether a task is a dev split: used to choose, never shown as a result."""
    return task.endswith("/dev")


@cache
def block_tasks(study: Study, block: str) -> tuple[str, ...]:
    """Every task that a run of the block was evaluated on, dev left out: the training collection's own first."""
    runs = [run for arm in study.plan.arms(block) for run in study.cell(block, arm).values()]
    own = _own(runs)
    tasks = {task for run in runs for task in run.record.tasks if not is_dev(task)}
    return tuple(sorted(tasks, key=lambda task: (task.split("/")[0] not in own, task)))


@cache
def difference_tasks(study: Study, block: str) -> tuple[str, ...]:
    """The tasks whose mean the block's differences are about.

    The block's primary task where it declares one ("mean": all of them). Else of each training collection's own splits
    the held-out queries where there are any, else test; without an own split, all tasks.
    """
    tasks = block_tasks(study, block)
    declared = study.plan.declaration.blocks.get(block)
    if declared is not None and declared.primary_task == MEAN:
        return tasks
    if declared is not None and declared.primary_task is not None:
        return tuple(task for task in tasks if task == declared.primary_task)
    runs = [run for arm in study.plan.arms(block) for run in study.cell(block, arm).values()]
    own = _own(runs)
    mine = [task for task in tasks if task.split("/")[0] in own]
    heldout = {task.split("/")[0] for task in mine if task.endswith("/heldout")}
    best = [task for task in mine if task.endswith("/heldout") or task.split("/")[0] not in heldout]
    return tuple(best or tasks)


def _own(runs: Iterable[FinishedRun]) -> set[str]:
    """The collections that the runs train on, each part of a mixture by itself."""
    return {name for run in runs for name in collections_of(run.config.data)}


def scores(runs: dict[int, FinishedRun], seeds: Sequence[int], tasks: Sequence[str]) -> list[Array]:
    """Per task an array (S, Q): rows in the order of `seeds`; an arm that seeds cannot change repeats its one row."""
    have_all = _seeds(runs, tasks)
    whole = {seed: run for seed, run in runs.items() if seed in have_all}
    fixed = next(iter(whole.values()))
    by_seed = [whole.get(seed, fixed) for seed in seeds]
    return [np.stack([run.scores[task].values for run in by_seed]) for task in tasks]


def shared_seeds(arm: dict[int, FinishedRun], baseline: dict[int, FinishedRun], tasks: Sequence[str]) -> list[int]:
    """Seeds at which both arms have every task. An arm that was not trained has them all."""
    arm_seeds, base_seeds = _seeds(arm, tasks), _seeds(baseline, tasks)
    if arm_seeds and base_seeds and _fixed(arm) and _fixed(baseline):
        return sorted(arm_seeds)[:1]
    if arm_seeds and _fixed(arm):
        return sorted(base_seeds)
    if base_seeds and _fixed(baseline):
        return sorted(arm_seeds)
    return sorted(arm_seeds & base_seeds)


def _seeds(runs: dict[int, FinishedRun], tasks: Sequence[str]) -> set[int]:
    return {seed for seed, run in runs.items() if all(task in run.scores for task in tasks)}


def _fixed(runs: dict[int, FinishedRun]) -> bool:
    return all(run.deterministic for run in runs.values())


def compare_runs(
    arm: dict[int, FinishedRun], baseline: dict[int, FinishedRun], tasks: Sequence[str]
) -> Difference | None:
    """Arm - baseline over the seeds both have (seed -> run); None where they share none or a task has no scores."""
    seeds = shared_seeds(arm, baseline, tasks)
    if not seeds or not tasks:
        return None
    return paired_difference(scores(arm, seeds, tasks), scores(baseline, seeds, tasks))


def compare_arms(study: Study, block: str, arm: str, baseline: str, tasks: Sequence[str]) -> Difference | None:
    """`compare_runs` of two arms of a block."""
    return compare_runs(study.cell(block, arm), study.cell(block, baseline), tasks)


@cache
def primary_contrasts(study: Study) -> tuple[ContrastResult, ...]:
    """The declared family, contrast by contrast and block by block; Holm over all of it, missing included."""
    cells = [
        (contrast, block, difference_tasks(study, block))
        for contrast in study.plan.declaration.contrasts
        for block in contrast.blocks or study.plan.blocks
    ]
    found = [compare_arms(study, block, c.arm, c.baseline, tasks) for c, block, tasks in cells]
    adjusted = holm([1.0 if d is None else d.p for d in found]) if found else []
    return tuple(
        ContrastResult(contrast, block, tasks, difference, None if difference is None else p)
        for (contrast, block, tasks), difference, p in zip(cells, found, adjusted, strict=True)
    )


@cache
def added_contrasts(study: Study) -> tuple[ContrastResult, ...]:
    """The contrasts that were added after runs were seen, in the blocks that have both arms; in no family."""
    cells = [
        (contrast, block, difference_tasks(study, block))
        for contrast in study.plan.declaration.added
        for block in contrast.blocks or study.plan.blocks
        if study.started(block) and {contrast.arm, contrast.baseline} <= set(study.plan.arms(block))
    ]
    return tuple(
        ContrastResult(c, block, tasks, compare_arms(study, block, c.arm, c.baseline, tasks), None)
        for c, block, tasks in cells
    )


def equivalence(difference: Difference, margin: float) -> str:
    """At 5%, against (-margin, margin): equivalent, undecided, or not equivalent (the whole interval lies outside)."""
    if equivalence_p(difference, margin) < 0.05:
        return "equivalent"
    outside = difference.low > margin or difference.high < -margin
    return "not equivalent" if outside else "undecided"


def verdict(difference: Difference, margin: float | None, *, p: float | None = None) -> str:
    """At 5%: higher, lower, equivalent, "higher, within the margin", or undecided. p: adjusted, where there is one."""
    decided = (difference.p if p is None else p) < 0.05
    equivalent = margin is not None and equivalence_p(difference, margin) < 0.05
    direction = "higher" if difference.mean > 0 else "lower"
    match decided, equivalent:
        case True, True:
            return f"{direction}, within the margin"
        case True, False:
            return direction
        case False, True:
            return "equivalent"
    return "undecided"

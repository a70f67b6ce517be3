"""The primary contrasts with intervals by group, where a study's tasks have groups of queries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from analysis.clusters import Labels, clustered_difference
from analysis.compare import ContrastResult, difference_tasks, primary_contrasts, scores, shared_seeds
from analysis.load import Study
from analysis.stats import Difference, holm


@dataclass(frozen=True)
class GroupedResult:
    """A primary contrast by group. p_holm: over the family, where a contrast without groups keeps its own p."""

    difference: Difference
    p_holm: float


@cache
def grouped_contrasts(study: Study) -> tuple[GroupedResult | None, ...]:
    """One for each of `primary_contrasts`; None where none of its tasks has groups, or it has no interval."""
    results = primary_contrasts(study)
    found = [by_group(study, result) for result in results]
    own = [1.0 if result.difference is None else result.difference.p for result in results]
    adjusted = holm([p if d is None else d.p for d, p in zip(found, own, strict=True)]) if found else []
    return tuple(None if d is None else GroupedResult(d, p) for d, p in zip(found, adjusted, strict=True))


def by_group(study: Study, result: ContrastResult) -> Difference | None:
    """A contrast's difference with its interval by group; None where no task has groups, or it has no interval."""
    block, tasks = result.block, result.tasks
    labels = [task_groups(study, block, task) for task in tasks]
    if result.difference is None or all(found is None for found in labels):
        return None
    arm, baseline = (study.cell(block, name) for name in (result.contrast.arm, result.contrast.baseline))
    seeds = shared_seeds(arm, baseline, tasks)
    ours, theirs = scores(arm, seeds, tasks), scores(baseline, seeds, tasks)
    clusters = [np.arange(o.shape[1]) if own is None else own for o, own in zip(ours, labels, strict=True)]
    if any(len(np.unique(own)) < 2 for own in clusters):
        return None
    return clustered_difference(ours, theirs, clusters)


def task_groups(study: Study, block: str, task: str) -> Labels | None:
    """(Q,) the group of each query of a task, in the order of its scores; None where it has none."""
    for arm in study.plan.arms(block):
        for run in study.cell(block, arm).values():
            if task in run.scores:
                groups = study.groups.get(run.record.tasks[task].content_hash)
                names = None if groups is None else [groups[query] for query in run.scores[task].ids]
                return None if names is None else np.unique(names, return_inverse=True)[1]
    return None


def group_lines(study: Study) -> list[str]:
    """Per block with groups: how many there are, how large, and what they do to each contrast's interval."""
    pairs = list(zip(primary_contrasts(study), grouped_contrasts(study), strict=True))
    lines = []
    for block in dict.fromkeys(result.block for result, _ in pairs):
        sizes = [(task, task_groups(study, block, task)) for task in difference_tasks(study, block)]
        if any(labels is not None for _, labels in sizes):
            counted = ", ".join(_size_text(task, labels) for task, labels in sizes)
            lines.append(f"{block}: {counted}; {_width_text([pair for pair in pairs if pair[0].block == block])}")
    return lines


def _size_text(task: str, labels: Labels | None) -> str:
    if labels is None:
        return f"{task} has no groups (each query counts by itself)"
    sizes = np.unique(labels, return_counts=True)[1]
    return (
        f"{task} has {len(labels)} queries in {len(sizes)} groups (mean size {sizes.mean():.1f}, largest {sizes.max()})"
    )


def _width_text(pairs: Sequence[tuple[ContrastResult, GroupedResult | None]]) -> str:
    found = [
        f"{_width(grouped.difference) / _width(result.difference):.2f} times as wide for {result.contrast.name}"
        for result, grouped in pairs
        if grouped is not None and result.difference is not None and _width(result.difference) > 0
    ]
    return f"by group the interval is {', '.join(found)}" if found else "no interval can be had by group"


def _width(difference: Difference) -> float:
    return difference.high - difference.low

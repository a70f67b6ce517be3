"""Whether a cheap student orders the arms as a larger one does: two blocks of a study with one set of arms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from analysis.arms import arm_rows
from analysis.compare import difference_tasks
from analysis.load import Study
from analysis.predict.groups import LEAST_ARMS


@dataclass(frozen=True)
class Agreement:
    """Kendall's tau-b between the gains of the same arms in two blocks; p: two-sided, that they are not related."""

    study: str
    first: str
    second: str
    students: tuple[str, str]
    arms: int
    tau: float
    p: float


def agreements(studies: Sequence[Study]) -> list[Agreement]:
    """Every pair of blocks that differ in the student and are measured on the same tasks."""
    pairs = [(study, one, two) for study in studies for one, two in combinations(study.plan.blocks, 2)]
    return [found for study, one, two in pairs if (found := _agreement(study, one, two)) is not None]


def _agreement(study: Study, first: str, second: str) -> Agreement | None:
    students = _student(study, first), _student(study, second)
    if None in students or students[0] == students[1]:
        return None
    if difference_tasks(study, first) != difference_tasks(study, second):
        return None
    one, two = _gains(study, first), _gains(study, second)
    shared = sorted(one.keys() & two.keys())
    a, b = np.asarray([one[arm] for arm in shared]), np.asarray([two[arm] for arm in shared])
    if len(shared) < LEAST_ARMS or np.ptp(a) == 0 or np.ptp(b) == 0:
        return None
    from scipy import stats  # takes longer than all else that these pages import

    found = stats.kendalltau(a, b)
    names = (str(students[0]), str(students[1]))
    return Agreement(study.name, first, second, names, len(shared), float(found.statistic), float(found.pvalue))


def _student(study: Study, block: str) -> str | None:
    """The one student of the block's trained arms."""
    runs = [run for arm in study.plan.arms(block) for run in study.cell(block, arm).values() if not run.deterministic]
    names = {run.config.student.name for run in runs}
    return names.pop() if len(names) == 1 else None


def _gains(study: Study, block: str) -> dict[str, float]:
    """Trained arm -> mean difference to the baseline, which is 0 itself."""
    baseline = study.plan.declaration.baseline_name
    rows = [row for row in arm_rows(study, block) if row.steps is not None]
    gains = {row.arm: row.difference.mean for row in rows if row.difference is not None}
    return gains | ({baseline: 0.0} if any(row.arm == baseline for row in rows) else {})

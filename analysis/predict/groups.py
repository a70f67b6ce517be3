"""Arms that can be ordered: one block on one task, what was known of each arm, and what it scored."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from analysis.compare import block_tasks, compare_arms
from analysis.load import PRIMARY, FinishedRun, Study
from analysis.predict.quantities import NAMES, QUANTITIES
from experiments.config import DenseTeacher, ModelStudent

Values = npt.NDArray[np.float64]

Scores = Mapping[tuple[str, str], float]
"""(model, content hash of a task) -> nDCG@10 of the model as it came."""

LEAST_ARMS = 5
"""Fewer have too few orders to say anything."""


@dataclass(frozen=True)
class Group:
    """A block of a study on one task, over its A trained arms.

    gains: (A,) nDCG@10 less the baseline's, over the seeds that both have. known: name -> (A,), NaN where an arm lacks
    it. seeds: the fewest that an arm has.
    """

    study: str
    block: str
    task: str
    arms: tuple[str, ...]
    gains: Values
    known: dict[str, Values]
    seeds: int

    @property
    def collection(self) -> str:
        """The collection that the task belongs to."""
        return self.task.split("/")[0]


@dataclass(frozen=True)
class _Arm:
    """One arm of a group; known: one value per name of NAMES, None where it does not exist."""

    name: str
    gain: float
    known: tuple[float | None, ...]
    seeds: int


def groups_of(studies: Sequence[Study]) -> list[Group]:
    """Every block and task with at least LEAST_ARMS trained arms on their own rows."""
    teachers = untrained_scores(studies)
    found = [
        _group(study, block, task, teachers)
        for study in studies
        for block in study.plan.blocks
        for task in block_tasks(study, block)
    ]
    return [group for group in found if len(group.arms) >= LEAST_ARMS]


def _group(study: Study, block: str, task: str, teachers: Scores) -> Group:
    there = [_arm(study, block, task, name, teachers) for name in study.plan.arms(block)]
    arms = [arm for arm in there if arm is not None]
    known = np.asarray([arm.known for arm in arms], dtype=np.float64).reshape(len(arms), len(NAMES))
    return Group(
        study=study.name,
        block=block,
        task=task,
        arms=tuple(arm.name for arm in arms),
        gains=np.asarray([arm.gain for arm in arms], dtype=np.float64),
        known={name: known[:, i] for i, name in enumerate(NAMES)},
        seeds=min((arm.seeds for arm in arms), default=0),
    )


def _arm(study: Study, block: str, task: str, arm: str, teachers: Scores) -> _Arm | None:
    """None of an arm that is not trained on rows of its own, or not measured beside the baseline."""
    runs = [run for run in study.cell(block, arm).values() if task in run.scores]
    mining = [run.record.mining for run in runs if run.record.mining is not None]
    if not mining or any(run.deterministic or run.config.mining.common_with for run in runs):
        return None
    teacher = teachers.get((_model(runs[0].config.teacher), runs[0].record.tasks[task].content_hash))
    known = (*(quantity(mining) for quantity in QUANTITIES.values()), teacher)
    baseline = study.plan.declaration.baseline_name
    if arm == baseline:
        return _Arm(arm, 0.0, known, len(runs))
    difference = compare_arms(study, block, arm, baseline, (task,))
    return None if difference is None else _Arm(arm, difference.mean, known, difference.components.seeds)


def untrained_scores(studies: Iterable[Study]) -> Scores:
    """Over every run that trains nothing."""
    return {
        (_model(run.config.student), score.content_hash): score.measures[PRIMARY]
        for run in _untrained(studies)
        for score in run.record.tasks.values()
    }


def _untrained(studies: Iterable[Study]) -> Iterator[FinishedRun]:
    for study in studies:
        for run in study.runs.values():
            if run.deterministic and isinstance(run.config.student, ModelStudent):
                yield run


def _model(config: object) -> str:
    """Weights and layers of a bi-encoder; the class's name for anything else, which no untrained run has."""
    if not isinstance(config, DenseTeacher | ModelStudent):
        return type(config).__name__
    return repr((config.source, config.name, config.revision, config.layers))

"""One row of a methods table: what an arm scored, what it was trained on, what stands against it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from statistics import fmean

from analysis.compare import block_tasks, compare_arms, difference_tasks, primary_contrasts, shared_seeds, verdict
from analysis.leaks import leaking
from analysis.load import PRIMARY, FinishedRun, Study
from analysis.mined import Hardness, hardness
from analysis.stats import Difference, wilson
from experiments.config import RunConfig, TopKCalibrated, collections_of
from experiments.records.facts import TrainingFacts
from experiments.records.folder import is_outdated
from experiments.records.mining import MiningFacts


@dataclass(frozen=True)
class KnownFalse:
    """Known false negatives among mined negatives, pooled over seeds, with Wilson's interval."""

    known: int
    mined: int

    @property
    def rate(self) -> float:
        """Share of the mined."""
        return self.known / self.mined

    @property
    def interval(self) -> tuple[float, float]:
        """95%, Wilson."""
        return wilson(self.known, self.mined)


@dataclass(frozen=True)
class ArmRow:
    """One arm in one block. Figures are means over its finished seeds; None where there is nothing to show.

    by_task: task -> nDCG@10. mean: over the tasks the differences are about. view: "own rows" or "common rows".
    p_holm: for the primary contrasts against the study's baseline. baseline_there: the baseline's mean over the seeds
    of the difference, where those are not all of its own. cosine: mean between documents of the training rows, after
    training. told: its miner learned from hidden positives. below_base: lower than the untrained model. collapsed: how
    many of the trained seeds.
    leaking: training queries and passages that say what an evaluated query says, in the run that has most.
    outdated: how many of the runs were made by stages whose numbers have changed their meaning since.
    """

    block: str
    arm: str
    seeds: int
    planned: int
    by_task: dict[str, float | None]
    mean: float | None
    difference: Difference | None
    baseline_there: float | None
    p_holm: float | None
    verdict: str | None
    known_false: KnownFalse | None
    hardness: Hardness
    yield_: float | None
    view: str | None
    rows: float | None
    steps: float | None
    passes: float | None
    cosine: float | None
    below_base: bool
    told: bool
    collapsed: int
    leaking: int
    outdated: int


@cache
def arm_rows(study: Study, block: str) -> tuple[ArmRow, ...]:
    """Every arm of a block, in declared order, finished or not."""
    holm = {
        (result.block, result.contrast.arm): result.p_holm
        for result in primary_contrasts(study)
        if result.contrast.baseline == study.plan.declaration.baseline_name
    }
    return tuple(_arm_row(study, block, arm, holm.get((block, arm))) for arm in study.plan.arms(block))


def _arm_row(study: Study, block: str, arm: str, p_holm: float | None) -> ArmRow:
    cell = study.cell(block, arm)
    runs = list(cell.values())
    tasks = difference_tasks(study, block)
    declaration = study.plan.declaration
    baseline = declaration.baseline_name
    difference = None if arm == baseline else compare_arms(study, block, arm, baseline, tasks)
    mining = [run.record.mining for run in runs if run.record.mining is not None]
    counted = [run.record.mining for run in runs if run.record.mining is not None and hides(run.config)]
    training = [run.record.training for run in runs if run.record.training is not None]
    mean = tasks_mean(runs, tasks)
    return ArmRow(
        block=block,
        arm=arm,
        seeds=len(runs),
        planned=len(study.expected_seeds(block, arm)),
        by_task={task: mean_score(runs, task) for task in block_tasks(study, block)},
        mean=mean,
        difference=difference,
        baseline_there=None if difference is None else _baseline_there(study, block, arm, tasks),
        p_holm=p_holm,
        verdict=None if difference is None else verdict(difference, declaration.margin, p=p_holm),
        known_false=_known_false(counted),
        hardness=hardness(mining),
        yield_=fmean(facts.yield_ for facts in mining) if mining else None,
        view=_view(runs),
        rows=_rows(mining, training),
        steps=fmean(facts.steps for facts in training) if training else None,
        passes=fmean(facts.passes for facts in training) if training else None,
        cosine=fmean(facts.mean_cosine for facts in training) if training else None,
        below_base=_below_base(study, block, runs, mean),
        told=any(not run.deterministic and isinstance(run.config.miner, TopKCalibrated) for run in runs),
        collapsed=sum(facts.collapsed for facts in training),
        leaking=max((leaking(run.record) for run in runs), default=0),
        outdated=sum(is_outdated(run.record) for run in runs),
    )


def mean_score(runs: list[FinishedRun], task: str) -> float | None:
    """Mean nDCG@10 over the runs that have the task; None where none has."""
    found = [run.record.tasks[task].measures[PRIMARY] for run in runs if task in run.record.tasks]
    return fmean(found) if found else None


def tasks_mean(runs: list[FinishedRun], tasks: Sequence[str]) -> float | None:
    """Mean over the tasks of `mean_score`; None where one of them is missing."""
    found = [mean_score(runs, task) for task in tasks]
    present = [mean for mean in found if mean is not None]
    return fmean(present) if present and len(present) == len(tasks) else None


def _baseline_there(study: Study, block: str, arm: str, tasks: Sequence[str]) -> float | None:
    """None where the comparison uses every seed of the baseline, whose mean stands in its own row then."""
    baseline = study.cell(block, study.plan.declaration.baseline_name)
    seeds = shared_seeds(study.cell(block, arm), baseline, tasks)
    there = [run for seed, run in baseline.items() if seed in seeds]
    return None if len(there) in (0, len(baseline)) else tasks_mean(there, tasks)


def hides(config: RunConfig) -> bool:
    """Whether relevant documents are hidden from training, without which none can be known to be mined."""
    return any(data.positives == "one" for data in collections_of(config.data).values())


def _known_false(mining: list[MiningFacts]) -> KnownFalse | None:
    mined = sum(facts.mined for facts in mining)
    return KnownFalse(sum(facts.known_false for facts in mining), mined) if mined else None


def _rows(mining: list[MiningFacts], training: list[TrainingFacts]) -> float | None:
    if training:
        return fmean(facts.rows for facts in training)
    return fmean(facts.kept for facts in mining) if mining else None


def _view(runs: list[FinishedRun]) -> str | None:
    trained = [run for run in runs if not run.deterministic]
    if not trained:
        return None
    return "common rows" if any(run.config.mining.common_with for run in trained) else "own rows"


def _below_base(study: Study, block: str, runs: list[FinishedRun], mean: float | None) -> bool:
    base = untrained_mean(study, block, runs)
    trained = any(not run.deterministic for run in runs)
    return trained and base is not None and mean is not None and mean < base


def untrained_mean(study: Study, block: str, runs: list[FinishedRun]) -> float | None:
    """The block's mean of the untrained model that these runs started from; None where no such arm has finished."""
    students = [run.config.student for run in runs]
    tasks = difference_tasks(study, block)
    for arm in study.plan.arms(block):
        base = [run for run in study.cell(block, arm).values() if run.deterministic and run.config.student in students]
        mean = tasks_mean(base, tasks)
        if mean is not None:
            return mean
    return None

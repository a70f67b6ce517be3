"""What a search found, from its trials and from the runs with fresh seeds: selection, what pruning saved, the front."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from analysis.compare import compare_runs, difference_tasks, is_dev, scores, shared_seeds
from analysis.load import FinishedRun, Study
from analysis.stats import Difference
from experiments.searching.declaration import SECONDS, is_better_higher
from experiments.searching.trials import SearchFile, TrialLine, front

Arms = tuple[dict[int, FinishedRun], dict[int, FinishedRun]]
"""Winner and paper's setting: seed -> run."""

BLOCK, WINNER = "main", "winner"
DECIDED = "dev nDCG@10"


@dataclass(frozen=True)
class Optimism:
    """How much of the winner's gain over the paper's setting is left.

    searched: in the search, one run each with the trials' own seed on dev queries. dev, test: the same difference with
    fresh seeds, on the same dev queries and on test queries; None while runs are missing. In each pair the first is the
    winner's mean, the second the paper's setting's.
    """

    searched: tuple[float, float]
    dev: Difference | None
    test: Difference | None
    dev_means: tuple[float, float] | None
    test_means: tuple[float, float] | None

    @property
    def gain(self) -> float:
        """What the winner gained in the search."""
        return self.searched[0] - self.searched[1]


@dataclass(frozen=True)
class Saving:
    """What pruning and the ledger of students saved.

    planned, done: training steps of the trials that are whole or pruned, and those that were taken. by_pruning: steps
    that were not, of pruned trials. reused: whole trials without any training, their student or run being there;
    known_rows: pruned trials without any, since an earlier pruned one had trained the same rows. per_step: seconds of a
    training step, None where no trial tells. watching: seconds spent in looking at dev queries.
    """

    planned: int
    done: int
    by_pruning: int
    reused: int
    known_rows: int
    per_step: float | None
    watching: float

    @property
    def seconds(self) -> float | None:
        """Training seconds that pruning saved, before what watching cost."""
        return None if self.per_step is None else self.by_pruning * self.per_step


def optimism(study: Study) -> Optimism | None:
    """None for what is no search, or whose winner is the paper's setting or was not chosen by dev nDCG@10."""
    search = study.search
    if search is None or search.winner is None or search.baseline is None or search.search.objectives[0] != DECIDED:
        return None
    won, base = search.trial(search.winner), search.baseline
    if won.run_id == base.run_id:
        return None
    arms = study.cell(BLOCK, WINNER), study.cell(BLOCK, search.search.baseline)
    runs = [run for arm in arms for run in arm.values()]
    dev = sorted({task for run in runs for task in run.scores if is_dev(task)})
    test = difference_tasks(study, BLOCK) if runs else ()
    return Optimism(
        searched=(won.values[DECIDED], base.values[DECIDED]),
        dev=compare_runs(*arms, dev),
        test=compare_runs(*arms, test),
        dev_means=_means(arms, dev),
        test_means=_means(arms, test),
    )


def _means(arms: Arms, tasks: Sequence[str]) -> tuple[float, float] | None:
    """Mean nDCG@10 of both arms over the seeds they share, every task alike; None where there is none."""
    seeds = shared_seeds(*arms, tasks)
    if not seeds or not tasks:
        return None
    first, second = (fmean(float(values.mean()) for values in scores(arm, seeds, tasks)) for arm in arms)
    return first, second


def saving(search: SearchFile) -> Saving:
    """Over the trials that are whole or pruned."""
    ended = [trial for trial in search.trials if trial.state in ("whole", "pruned")]
    pruned = [trial for trial in ended if trial.state == "pruned"]
    timed = [trial for trial in search.whole if trial.trained and trial.values.get(SECONDS, 0.0) > 0]
    steps = sum(trial.steps for trial in timed)
    return Saving(
        planned=sum(trial.planned for trial in ended),
        done=sum(trial.steps for trial in ended if trial.trained),
        by_pruning=sum(trial.planned - (trial.steps if trial.trained else 0) for trial in pruned),
        reused=sum(not trial.trained for trial in search.whole),
        known_rows=sum(trial.same_as is not None for trial in pruned),
        per_step=sum(trial.values[SECONDS] for trial in timed) / steps if steps else None,
        watching=sum(trial.watching for trial in search.trials),
    )


def unbeaten(search: SearchFile) -> list[TrialLine]:
    """The whole trials that no other beats in everything that the Pareto table is about, best first by the first."""
    shown = search.search.shown
    have = [trial for trial in search.whole if all(name in trial.values for name in shown)]
    higher = {name: is_better_higher(name) for name in shown}
    found = [have[i] for i in front([trial.values for trial in have], shown, higher)]
    sign = -1 if higher[shown[0]] else 1
    return sorted(found, key=lambda trial: (sign * trial.values[shown[0]], trial.number))


def ranked(search: SearchFile) -> list[TrialLine]:
    """The whole trials, the best by the first objective first."""
    first = search.search.objectives[0]
    sign = -1 if is_better_higher(first) else 1
    return sorted(search.whole, key=lambda trial: (sign * trial.values[first], trial.number))

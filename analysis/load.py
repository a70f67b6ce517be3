"""A study as data: its plan, one record per finished run, and per-query scores."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from analysis.sources import Source
from experiments.config import RunConfig
from experiments.errors import UserError
from experiments.identity import digest
from experiments.records.folder import is_outdated, read_record
from experiments.records.per_query import QueryScores
from experiments.records.schema import MEASURES, RunRecord
from experiments.records.scores import read_query_scores
from experiments.searching.trials import SearchFile, read_search
from experiments.studies.dev import dev_score
from experiments.studies.plan import Plan, PlannedRun, read_plan

PRIMARY = "nDCG@10"

Lengths = tuple[int | None, int | None]
"""Tokens at which queries and passages were cut; None = nowhere."""


@dataclass(frozen=True)
class TaskQueries:
    """One run on one task: query ids, sorted, and nDCG@10 of each, (Q,) float64."""

    ids: tuple[str, ...]
    values: npt.NDArray[np.float64]


@dataclass(frozen=True)
class FinishedRun:
    """A record, its typed config, and its scores by task. environments: digests of every record of this run_id."""

    record: RunRecord
    config: RunConfig
    scores: dict[str, TaskQueries]
    environments: tuple[str, ...]

    @property
    def deterministic(self) -> bool:
        """Whether `seed` cannot change it: nothing was trained."""
        return self.config.train.kind == "none"


@dataclass(frozen=True, eq=False)
class Study:
    """runs: run_id -> finished run. groups: content hash of a task -> query id -> group, for the tasks that have them.

    store: the artifact store that it was read from; None for published results. search: of a search its trials.

    Compared by identity, so that what is derived from it can be kept.
    """

    plan: Plan
    runs: dict[str, FinishedRun]
    groups: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    store: Path | None = None
    search: SearchFile | None = None

    @property
    def name(self) -> str:
        """The study's name."""
        return self.plan.study

    @cached_property
    def _cells(self) -> dict[tuple[str, str], dict[int, FinishedRun]]:
        cells: dict[tuple[str, str], dict[int, FinishedRun]] = {}
        for run in self.plan.runs:
            if run.phase == 2 and run.run_id in self.runs:
                cells.setdefault((run.block, run.arm), {})[run.seed] = self.runs[run.run_id]
        return cells

    def cell(self, block: str, arm: str) -> dict[int, FinishedRun]:
        """Seed -> finished run of one arm in one block, sorted by seed; empty where none has finished."""
        return dict(sorted(self._cells.get((block, arm), {}).items()))

    def started(self, block: str) -> bool:
        """Whether any run of the block's tables has finished."""
        return any(self.cell(block, arm) for arm in self.plan.arms(block))

    def expected_seeds(self, block: str, arm: str) -> tuple[int, ...]:
        """The seeds that are planned for a cell, or declared where the plan does not list it yet."""
        planned = {run.seed for run in self.plan.runs if (run.block, run.arm, run.phase) == (block, arm, 2)}
        return tuple(sorted(planned)) or self.plan.seeds(block)

    def tables_runs(self) -> list[PlannedRun]:
        """The finished runs of phase 2, in plan order."""
        return [run for run in self.plan.runs if run.phase == 2 and run.run_id in self.runs]

    def environments(self) -> dict[str, RunRecord]:
        """Environment digest -> one record made there, over the runs that the tables show."""
        records = [self.runs[run.run_id].record for run in self.tables_runs()]
        return {record.environment_digest: record for record in sorted(records, key=lambda r: r.run_id, reverse=True)}

    def missing(self) -> list[tuple[str, str, tuple[int, ...]]]:
        """(block, arm, seeds) of every cell that has no record yet."""
        cells = [(block, arm) for block in self.plan.blocks for arm in self.plan.arms(block)]
        gaps = [(block, arm, self._gap(block, arm)) for block, arm in cells]
        return [gap for gap in gaps if gap[2]]

    def _gap(self, block: str, arm: str) -> tuple[int, ...]:
        return tuple(seed for seed in self.expected_seeds(block, arm) if seed not in self.cell(block, arm))


def load_study(source: Source, name: str) -> Study:
    """Read plan, records and scores.

    Raises UserError for an unknown schema, scores that do not belong to their record, arms compared on different test
    queries or read at different lengths, groups that lack one of its queries, and a chosen value whose dev runs are
    missing.
    """
    plan = read_plan(source.plan_path(name))
    wanted = dict.fromkeys([*(r.run_id for r in plan.runs), *_dev_runs(plan)])
    found = {run_id: _load_run(source, run_id) for run_id in wanted}
    runs = {run_id: run for run_id, run in found.items() if run is not None}
    study = Study(
        plan,
        runs,
        _groups(source, runs.values()),
        source.root if source.is_store else None,
        read_search(source.study_folder(name)),
    )
    _check_dev_runs(study)
    _check_trials(study)
    for block in plan.blocks:
        _check_queries(study, block)
        _check_lengths(study, block)
    return study


def _groups(source: Source, runs: Iterable[FinishedRun]) -> dict[str, dict[str, str]]:
    evaluated = {
        run.record.tasks[task].content_hash: (task, run.scores[task].ids) for run in runs for task in run.scores
    }
    found = {content: source.groups(content, task=task, ids=ids) for content, (task, ids) in evaluated.items()}
    return {content: groups for content, groups in found.items() if groups is not None}


def _dev_runs(plan: Plan) -> list[str]:
    return [run_id for chosen in plan.chosen.values() for point in chosen.curve for run_id in point.run_ids]


def _load_run(source: Source, run_id: str) -> FinishedRun | None:
    """The run's record and scores, one that is not outdated where there is one; None where none has finished."""
    paths = source.record_paths(run_id)
    if not paths:
        return None
    environments = tuple(sorted({path.stem for path in paths}))
    path = min(paths, key=lambda path: is_outdated(read_record(path)))
    record = read_record(path)
    return FinishedRun(record, record.run_config(), _scores(read_query_scores(record, path)), environments)


def _scores(parts: Mapping[str, QueryScores]) -> dict[str, TaskQueries]:
    at = MEASURES.index(PRIMARY)
    return {task: TaskQueries(part.ids, part.values[:, at].copy()) for task, part in parts.items()}


def _check_dev_runs(study: Study) -> None:
    decided = {cell: chosen for cell, chosen in study.plan.chosen.items() if chosen.value is not None}
    for cell, chosen in decided.items():
        for point in chosen.curve:
            for run_id in point.run_ids or ("(none)",):
                if run_id not in study.runs:
                    raise UserError(
                        f"study {study.name}: {cell}: {chosen.key}={point.value} was compared on dev, but the "
                        "record of its "
                        f"run {run_id} is missing: run `{study.plan.run_command()}` and "
                        "publish again"
                    )


def _check_trials(study: Study) -> None:
    """A search's trials have the scores that the records of their runs have, as far as there is one of each."""
    for trial in study.search.whole if study.search is not None else ():
        run, said = study.runs.get(trial.run_id), trial.values.get(f"dev {PRIMARY}")
        if run is None or said is None or len(run.environments) > 1:
            continue
        found = dev_score(run.record, run.config, PRIMARY)
        if abs(found - said) > 1e-9:
            raise UserError(
                f"study {study.name}: trial {trial.number} says dev {PRIMARY} {said}, the record of its run "
                f"{trial.run_id} {found}: run the search again, which writes search.json anew"
            )


def _check_queries(study: Study, block: str) -> None:
    seen: dict[str, tuple[str, tuple[str, ...], str]] = {}
    for arm in study.plan.arms(block):
        for run in study.cell(block, arm).values():
            for task, queries in run.scores.items():
                content = run.record.tasks[task].content_hash
                first = seen.setdefault(task, (arm, queries.ids, content))
                if first[1:] != (queries.ids, content):
                    raise UserError(
                        f"study {study.name}: block {block}: arms {first[0]} and {arm} were evaluated on "
                        "different queries "
                        f"or documents of {task} ({digest(first[1])} and {digest(queries.ids)}): give them one "
                        "data config"
                    )


def _check_lengths(study: Study, block: str) -> None:
    """Raises UserError, with the overrides that mend it, where runs of a task were read at different lengths."""
    found: dict[str, dict[Lengths, str]] = {}
    for arm in study.plan.arms(block):
        for run in study.cell(block, arm).values():
            for task in run.scores:
                if (lengths := _lengths(run, task)) is not None:
                    found.setdefault(task, {}).setdefault(lengths, arm)
    for task, arms in found.items():
        if len(arms) > 1:
            (first, one), (other, two) = list(arms.items())[:2]
            raise UserError(
                f"study {study.name}: block {block}: {task} was read at query and passage lengths {_said(first)} in "
                f"arm {one} and {_said(other)} in arm {two}: run the same command again with {_shortest([*arms])}"
            )


def _shortest(found: Sequence[Lengths]) -> str:
    """The overrides under which every student reads at the shortest of these lengths."""
    queries, passages = zip(*found, strict=True)
    shortest = {"query": _least(queries), "passage": _least(passages)}
    return " ".join(f"evaluation.{name}_length={length}" for name, length in shortest.items() if length is not None)


def _least(lengths: Sequence[int | None]) -> int | None:
    return min((length for length in lengths if length is not None), default=None)


def _lengths(run: FinishedRun, task: str) -> Lengths | None:
    """As measured; for a record that does not tell as configured, and None where that leaves one open."""
    scores, asked = run.record.tasks[task], run.config.evaluation
    if scores.cut_queries is not None:
        return scores.query_length, scores.passage_length
    if asked.query_length is None or asked.passage_length is None:
        return None
    return asked.query_length, asked.passage_length


def _said(lengths: Lengths) -> str:
    return " and ".join("unlimited" if length is None else str(length) for length in lengths)

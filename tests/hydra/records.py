"""Records as finished runs leave them, and a launcher that leaves them instead of training anything."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from experiments.command.build import Composed
from experiments.command.compose import Composer
from experiments.records.facts import TaskScores
from experiments.records.folder import write_failure, write_record
from experiments.records.schema import MEASURES, PER_QUERY_COLUMNS, SCHEMA_VERSION, RunRecord, per_query_digest


def leave_record(run: Composed, score: float = 0.5, *, tasks: Mapping[str, float] | None = None) -> RunRecord:
    """Write the record and per-query scores that `run` would leave, every query scoring `score`.

    tasks: the score of each task, where they differ.
    """
    if tasks is None:
        evaluation = run.config.evaluation
        names = [f"{run.config.data.name}/{split}" for split in evaluation.splits] + list(evaluation.tasks)
        tasks = dict.fromkeys(names, score)
    scores = {task: _scores(value) for task, value in tasks.items()}
    rows = [[task, query, *[value] * len(MEASURES)] for task, value in tasks.items() for query in ("q1", "q0")]
    scores_frame = pd.DataFrame(rows, columns=list(PER_QUERY_COLUMNS))
    record = RunRecord(
        schema_version=SCHEMA_VERSION,
        run_id=run.run_id,
        config=run.config.model_dump(mode="json"),
        environment={"python": "3"},
        collections={},
        mining=None,
        training=None,
        tasks=scores,
        timings={},
        cost={},
        artifacts={},
        per_query=per_query_digest(scores_frame),
    )
    write_record(run.execution.store, record, scores_frame)
    return record


def _scores(score: float) -> TaskScores:
    measures = dict.fromkeys(MEASURES, score)
    return TaskScores(queries=2, documents=5, measures=measures, mteb=round(score, 5), content_hash="0" * 16)


@dataclass
class FakeLauncher:
    """Leaves a record per job. score: of a run. broken: runs that fail. dies_at: the launcher is killed there, once."""

    composer: Composer
    score: Callable[[Composed], float] = lambda _: 0.5
    broken: Callable[[Composed], bool] = lambda _: False
    dies_at: int | None = None
    batches: list[list[Composed]] = field(default_factory=list)

    def __call__(self, batch: Sequence[Sequence[str]], first: int) -> None:
        self.batches.append([])
        for number, overrides in enumerate(batch):
            run = self.composer.run(overrides)
            self.batches[-1].append(run)
            if self.broken(run):
                write_failure(run.execution.store, run.run_id, cause="OSError: disk full", log="run.log")
                continue
            if number == self.dies_at:
                self.dies_at = None
                write_failure(run.execution.store, run.run_id, cause="killed", log="run.log")
                raise RuntimeError("a worker was killed")
            leave_record(run, self.score(run))

    @property
    def launched(self) -> list[Composed]:
        return [run for batch in self.batches for run in batch]

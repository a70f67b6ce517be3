"""The other runs that a command's runs take students from: known and trained, before anything starts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from experiments.command.build import Composed
from experiments.config import BaseStudent, CheckpointStudent, DistilledStudent, RunConfig, runs_in
from experiments.records.folder import find_record


def check_other_runs(runs: Sequence[Composed]) -> None:
    """Raises UserError where a run to do takes the student of one that is neither planned here nor recorded."""
    planned = {run.run_id: run.config for run in runs}
    for run in runs:
        if find_record(run.execution.record_roots, run.run_id) is not None:
            continue
        for other in runs_in(run.config):
            from experiments.stages.checkpoint import check_trains, trained_base

            if other in planned:
                check_trains(planned[other])
            else:
                trained_base(other, run.execution.record_roots)


def base_student(run: Composed, planned: Mapping[str, RunConfig]) -> BaseStudent:
    """The base model of a run's student, through the runs that are planned beside it and those that are recorded."""
    student = run.config.student
    while isinstance(student, CheckpointStudent):
        if student.run not in planned:
            from experiments.stages.checkpoint import trained_base

            return trained_base(student.run, run.execution.record_roots)
        student = planned[student.run].student
    return student


def untrained_student(run: Composed) -> BaseStudent:
    """The base model of a recorded run's student; of one that is fitted to a teacher first, what it is before."""
    student = base_student(run, {})
    return student.base if isinstance(student, DistilledStudent) else student

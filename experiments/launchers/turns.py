"""The order in which jobs start: a few at a time, and each after those that it waits for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from experiments.launchers.job import LaunchedJob

Handle = TypeVar("Handle")


def run_in_turn(
    jobs: Sequence[LaunchedJob],
    *,
    at_once: int,
    start: Callable[[LaunchedJob], Handle],
    over: Callable[[Sequence[Handle]], Iterable[Handle]],
    on_end: Callable[[LaunchedJob, Handle], None],
) -> None:
    """Run all jobs, `at_once` at a time, in order but for those that wait for others.

    start: starts a job and gives its handle. over: those of the running handles that have ended, in a while at least
    one. on_end: called once for each.
    """
    waiting, ended = list(jobs), frozenset[str]()
    running: list[tuple[LaunchedJob, Handle]] = []
    while waiting or running:
        while len(running) < at_once and (job := _ready(waiting, ended)) is not None:
            waiting.remove(job)
            running.append((job, start(job)))
        for handle in over([handle for _, handle in running]):
            pair = next(pair for pair in running if pair[1] is handle)
            running.remove(pair)
            ended |= {pair[0].name}
            on_end(*pair)


def _ready(waiting: Sequence[LaunchedJob], ended: frozenset[str]) -> LaunchedJob | None:
    """The first job that waits for none but `ended` ones."""
    return next((job for job in waiting if job.after <= ended), None)

"""Several trackers told as one."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack

from experiments.config import RunConfig
from experiments.execution import Labels
from experiments.records.schema import RunRecord
from experiments.tracking.protocol import NegativeRows, RowIds, Tracker


class Trackers:
    """Tells each of its trackers, in order; the ends are told to all of them, whatever one of them raises."""

    def __init__(self, trackers: Sequence[Tracker]) -> None:
        self._trackers = tuple(trackers)
        self._started: list[Tracker] = []

    def start(self, config: RunConfig, run_id: str, labels: Labels) -> None:
        """Open the run in each. Where one cannot, those opened before are closed as failed."""
        for tracker in self._trackers:
            try:
                tracker.start(config, run_id, labels)
            except BaseException:
                self.abort()
                raise
            self._started.append(tracker)

    def negatives(self, rows: NegativeRows) -> None:
        """Told to each."""
        for tracker in self._trackers:
            tracker.negatives(rows)

    def rows(self, ids: RowIds) -> None:
        """Told to each."""
        for tracker in self._trackers:
            tracker.rows(ids)

    def student(self, key: str) -> None:
        """Told to each."""
        for tracker in self._trackers:
            tracker.student(key)

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Told to each."""
        for tracker in self._trackers:
            tracker.log(step, values)

    def finish(self, record: RunRecord) -> None:
        """Close the run in each. Raises what one of them raised, after all were told."""
        _tell_all([functools.partial(one.finish, record) for one in self._started])

    def abort(self, *, stopped: bool = False) -> None:
        """Close the run as failed, or as stopped on purpose, in each that was opened."""
        _tell_all([functools.partial(one.abort, stopped=stopped) for one in self._started])


def _tell_all(calls: Sequence[Callable[[], None]]) -> None:
    """In order, and every one of them: a tracker that cannot close its run keeps no other from closing its own."""
    with ExitStack() as stack:
        for call in reversed(calls):
            stack.callback(call)

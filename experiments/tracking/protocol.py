"""What the pipeline tells a tracker: start, negatives, rows, student, log step by step, finish or abort."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from experiments.config import RunConfig
from experiments.execution import Labels
from experiments.records.schema import RunRecord

NegativeRows = Sequence[Mapping[str, object]]
"""One mapping per mined negative, all with the same keys (query, positive, negative, scores, reason)."""

RowIds = Sequence[Sequence[str]]
"""Per training row the ids of its query, its shown positive and its negatives, in order."""

DEV = "dev nDCG@10"
"""The name under which `log` is told how the student does on dev queries, where execution.dev_every asks for it."""


class RunStopped(Exception):
    """A tracker raises it from `student` or `log` to end a run on purpose: neither artifact nor record is left."""


class Tracker(Protocol):
    """A mirror of the record, never its source: a run gives the same record with any of them, or is stopped by one."""

    def start(self, config: RunConfig, run_id: str, labels: Labels) -> None:
        """Open the run. Raises UserError where the tracker cannot be had."""

    def negatives(self, rows: NegativeRows) -> None:
        """A sample of the mined negatives, for reading."""

    def rows(self, ids: RowIds) -> None:
        """All training rows."""

    def student(self, key: str) -> None:
        """The student of this key is about to be trained; not told where it is trained already."""

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Values of one optimizer step: loss, learning_rate, and at some of them `DEV`."""

    def finish(self, record: RunRecord) -> None:
        """Close the run with what it left behind. The record is written: what this raises is a warning."""

    def abort(self, *, stopped: bool = False) -> None:
        """Close the run as failed, or as stopped on purpose."""

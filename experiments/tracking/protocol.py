"""What the pipeline tells a tracker, in this order: start, then log and negatives, then finish or abort."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from experiments.config import RunConfig
from experiments.execution import Labels
from experiments.records.schema import RunRecord

NegativeRows = Sequence[Mapping[str, object]]
"""One mapping per mined negative, all with the same keys (query, positive, negative, scores, reason)."""


class Tracker(Protocol):
    """A mirror of the record, never its source: a run gives the same record with any of them."""

    def start(self, config: RunConfig, run_id: str, labels: Labels) -> None:
        """Open the run. Raises UserError where the tracker cannot be had."""

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Values of one optimizer step, such as loss and learning_rate."""

    def negatives(self, rows: NegativeRows) -> None:
        """A sample of the mined negatives, for reading."""

    def finish(self, record: RunRecord) -> None:
        """Close the run with what it left behind. The record is written: what this raises is a warning."""

    def abort(self) -> None:
        """Close the run as failed."""

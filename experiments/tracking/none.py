"""The tracker that keeps nothing: the record says it all."""

from __future__ import annotations

from collections.abc import Mapping

from experiments.config import RunConfig
from experiments.execution import Labels
from experiments.records.schema import RunRecord
from experiments.tracking.protocol import NegativeRows, RowIds


class NullTracker:
    """Accepts everything, writes nothing."""

    def start(self, config: RunConfig, run_id: str, labels: Labels) -> None:
        """Nothing to open."""

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Nothing to keep."""

    def student(self, key: str) -> None:
        """Nothing to keep."""

    def negatives(self, rows: NegativeRows) -> None:
        """Nothing to keep."""

    def rows(self, ids: RowIds) -> None:
        """Nothing to keep."""

    def finish(self, record: RunRecord) -> None:
        """Nothing to close."""

    def abort(self, *, stopped: bool = False) -> None:
        """Nothing to close."""

"""Which tracker an execution asks for."""

from __future__ import annotations

from experiments.execution import Execution, WandbTracker
from experiments.tracking.none import NullTracker
from experiments.tracking.protocol import Tracker


def make_tracker(execution: Execution) -> Tracker:
    """The tracker of `execution`, not started. Nothing heavy is imported before `start`."""
    if isinstance(execution.tracker, WandbTracker):
        from experiments.tracking.wandb import WandbRun

        return WandbRun(execution.tracker, folder=execution.output, store=execution.store)
    return NullTracker()

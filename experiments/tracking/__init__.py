"""What a run tells the outside while it goes: a small protocol, Weights & Biases, or nothing."""

from experiments.tracking.factory import make_tracker
from experiments.tracking.protocol import DEV, NegativeRows, RowIds, RunStopped, Tracker
from experiments.tracking.several import Trackers

__all__ = ["DEV", "NegativeRows", "RowIds", "RunStopped", "Tracker", "Trackers", "make_tracker"]

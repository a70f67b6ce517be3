"""What a run tells the outside while it goes: a small protocol, Weights & Biases, or nothing."""

from experiments.tracking.factory import make_tracker
from experiments.tracking.protocol import NegativeRows, Tracker

__all__ = ["NegativeRows", "Tracker", "make_tracker"]

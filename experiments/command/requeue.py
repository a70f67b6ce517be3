"""Whether a cluster takes this process away and starts its run again elsewhere: its end is then no failure."""

from __future__ import annotations

import threading

_REQUEUED = threading.Event()


def mark_requeued() -> None:
    """Called in the signal handler that has put the run back into the queue, before it ends the process."""
    _REQUEUED.set()


def is_requeued() -> bool:
    """Whether `mark_requeued` was called in this process."""
    return _REQUEUED.is_set()

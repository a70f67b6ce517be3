"""What holds for every test: a command that ran in this process leaves no logging behind."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

if not Path("/proc/driver/nvidia").exists():
    # A torch that is built for CUDA warns of the card that is not there, on the standard error that tests read.
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    """Undo what Hydra sets up for a run: handlers on closed streams, and loggers that keep their lines to themselves.

    import-linter, called in this process, turns off every logger that it does not know.
    pytest listens at the root and at loggers that do not propagate: one that is changed during a test is heard twice.
    """
    yield
    for name in ("experiments", "experiments.screen", "traceback"):
        logger = logging.getLogger(name)
        logger.propagate = True
        logger.disabled = False
        logger.handlers.clear()
        logger.setLevel(logging.NOTSET)

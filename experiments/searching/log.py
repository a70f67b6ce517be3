"""What the runs of a search log: into a file of this worker's own; warnings on the screen as well."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FORMAT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"


@contextmanager
def log_to(folder: Path) -> Iterator[Path]:
    """Log into FOLDER/worker-PID.log while the block runs."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"worker-{os.getpid()}.log"
    file, screen = logging.FileHandler(path, encoding="utf-8"), logging.StreamHandler(sys.stderr)
    file.setFormatter(logging.Formatter(FORMAT))
    screen.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    screen.addFilter(_worth_showing)
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.INFO)
    for handler in (file, screen):
        root.addHandler(handler)
    try:
        yield path
    finally:
        root.setLevel(level)
        for handler in (file, screen):
            root.removeHandler(handler)
            handler.close()


def _worth_showing(record: logging.LogRecord) -> bool:
    """Warnings of this software, errors of others; why a trial failed in full is for the file only."""
    if record.name == "traceback":
        return False
    return record.levelno >= (logging.WARNING if record.name.startswith("experiments") else logging.ERROR)

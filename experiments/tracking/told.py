"""What a run has told before it was stopped, so that going on with it tells nothing twice.

A training that goes on from a checkpoint tells its earlier steps again. Online the server knows what it has; offline
each beginning writes a folder of its own, and `wandb sync` sends them one after the other as one run.
"""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

log = logging.getLogger("experiments")

STEP, TABLE = "train/step", "negatives"
"""Names in the history: of the training's step, and of the table of negatives."""
READ_SECONDS = 60.0


@dataclass(frozen=True)
class Told:
    """step: the last of training. rows: of history, by which the next ones are numbered; 0 where the server does so.

    table: whether the table of negatives was told.
    """

    step: int = 0
    rows: int = 0
    table: bool = False


def told_to_server(run: Any) -> Told:
    """What a server has of a run that was resumed, whose summary is the last value of everything."""
    return Told(step=int(run.summary.get(STEP) or 0), table=TABLE in run.summary.keys())  # noqa: SIM118


def told_in(folders: Iterable[Path]) -> Told:
    """What a run's folders hold, together."""
    rows = [row for folder in folders for row in history(folder)]
    return Told(
        step=max((int(row[STEP]) for row in rows if STEP in row), default=0),
        rows=max((int(row["_step"]) + 1 for row in rows), default=0),
        table=any(TABLE in row for row in rows),
    )


def history(folder: Path) -> list[Mapping[str, Any]]:
    """The rows of history in a run's folder, as far as they are whole."""
    return [entry["history"]["item"] for entry in entries(folder) if entry.get("type") == "history"]


def entries(folder: Path) -> list[dict[str, Any]]:
    """What a run has written into its folder, entry by entry, read by wandb's own reader; none where that fails."""
    command = [sys.executable, "-m", "wandb", "leet", "inspect", "--json", str(folder)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=READ_SECONDS)
    except (OSError, subprocess.SubprocessError) as error:
        log.warning("W&B: %s cannot be read (%s): what it holds is told again", folder, type(error).__name__)
        return []
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]

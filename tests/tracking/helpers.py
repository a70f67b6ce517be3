"""Runs as the pipeline tells them to a tracker."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from experiments.config import RunConfig, TopKPercPos
from experiments.execution import Execution, Labels, WandbTracker
from experiments.records.folder import write_record
from experiments.records.schema import RunRecord, per_query_digest
from experiments.tracking import Tracker, make_tracker
from experiments.tracking.wandb import WandbRun
from tests.tracking.examples import NEGATIVES, ROWS, make_config, make_record, make_scores

LABELS = Labels(study="demo", block="main", arm="percpos")
PROJECT = "tester/which-hard-negatives"


def with_threshold(threshold: float) -> RunConfig:
    return make_config().model_copy(update={"miner": TopKPercPos(threshold=threshold)})


def begun(output: Path, config: RunConfig, *, labels: Labels = LABELS, tracker: WandbTracker | None = None) -> Tracker:
    """A run that has been mined."""
    store = output / "store"
    made = make_tracker(Execution(tracker=tracker or WandbTracker(), output=output / config.run_id, store=store))
    assert isinstance(made, WandbRun)
    made.start(config, config.run_id, labels)
    made.negatives(NEGATIVES)
    made.rows(ROWS)
    return made


def train(tracker: Tracker, steps: Sequence[int]) -> None:
    for step in steps:
        tracker.log(step, {"loss": 1.0 / step})


def stored(output: Path, config: RunConfig) -> RunRecord:
    """The record of a run, with its scores, as the pipeline leaves it in the store."""
    scores = make_scores()
    record = make_record(config).model_copy(update={"per_query": per_query_digest(scores)}).sealed()
    write_record(output / "store", record, scores)
    return record


def whole(output: Path, config: RunConfig, **given: Any) -> RunRecord:
    """A run from its beginning to its end."""
    tracker = begun(output, config, **given)
    train(tracker, [1, 2, 3])
    record = stored(output, config)
    tracker.finish(record)
    return record


def wandb(*arguments: str) -> str:
    done = subprocess.run([sys.executable, "-m", "wandb", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr

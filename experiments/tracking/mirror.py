"""What of a run is shown in Weights & Biases: pure functions of its config, labels and record."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from experiments.config import RunConfig
from experiments.execution import Labels
from experiments.records.facts import TrainingFacts
from experiments.records.mining import MiningFacts
from experiments.records.schema import RunRecord
from experiments.tracking.protocol import RowIds

LONGEST_TAG, LONGEST_NAME = 64, 128
"""Characters of a tag and of an artifact's name; Weights & Biases refuses longer ones."""


def group(config: RunConfig, labels: Labels) -> str:
    """The study or search, or outside of both the data."""
    return labels.study or config.data.name


def job_type(config: RunConfig, labels: Labels) -> str:
    """What kind of work a run is.

    "trial" and "confirmation" in a search (a point, and with a fresh seed its winner or the paper's setting), else
    "mine" (no student), "evaluate" (one that is not trained) or "train".
    """
    if labels.trial is not None:
        return "trial"
    if labels.search is not None:
        return "confirmation"
    if config.until == "mine":
        return "mine"
    return "evaluate" if config.train.kind == "none" else "train"


def name(config: RunConfig, labels: Labels) -> str:
    """The arm, or outside a study the mining method, and the seed."""
    return f"{labels.arm or config.miner.kind} seed {config.seed}"


def tags(config: RunConfig, labels: Labels) -> list[str]:
    """``name:value`` for what a run is in a study or search, teacher, miner and student; what has none is left out."""
    place = labels.model_dump(exclude_none=True)
    if labels.search is not None:
        del place["study"]
    models = {"teacher": config.teacher.name, "miner": config.miner.kind, "student": config.student.name}
    return [f"{key}:{value}"[:LONGEST_TAG] for key, value in (place | models).items()]


def settings(config: RunConfig, labels: Labels) -> dict[str, Any]:
    """The config, and beside it the labels, so that runs can be grouped and compared by arm or trial."""
    return {**config.model_dump(mode="json"), "labels": labels.model_dump(exclude_none=True)}


def artifact_name(config: RunConfig) -> str:
    """Of the artifact whose versions are the row sets that were mined from this data."""
    return f"negatives-{re.sub(r'[^A-Za-z0-9._-]', '_', config.data.name)}"[:LONGEST_NAME]


def row_lines(rows: RowIds) -> Iterator[str]:
    """One JSON line a row, in the order of training: equal rows are equal text."""
    for query, positive, *negatives in rows:
        yield json.dumps({"query": query, "positive": positive, "negatives": negatives}, ensure_ascii=False) + "\n"


def summary(record: RunRecord) -> dict[str, float | bool]:
    """Measures per task, the yield of mining, the end of training, and timings and cost in seconds."""
    values: dict[str, float | bool] = {
        f"{task}/{measure}": value
        for task, scores in record.tasks.items()
        for measure, value in scores.measures.items()
    }
    values |= _mining(record.mining) if record.mining else {}
    values |= _training(record.training) if record.training else {}
    values |= {f"timings/{stage}": seconds for stage, seconds in record.timings.items()}
    values |= {f"cost/{stage}": seconds for stage, seconds in record.cost.items()}
    return values


def history(training: TrainingFacts) -> list[tuple[int, dict[str, float]]]:
    """The record's thinned loss and learning rate, step by step."""
    steps: dict[int, dict[str, float]] = {}
    for name, points in (("loss", training.loss), ("learning_rate", training.learning_rate)):
        for step, value in points:
            steps.setdefault(step, {})[name] = value
    return sorted(steps.items())


def _mining(facts: MiningFacts) -> dict[str, float | bool]:
    values: dict[str, float | bool] = {
        "mining/rows": facts.rows,
        "mining/kept": facts.kept,
        "mining/mined": facts.mined,
        "mining/known_false": facts.known_false,
    }
    optional = {"mining/mean_rank": facts.mean_rank, "mining/mean_gap": facts.mean_gap}
    return values | {name: value for name, value in optional.items() if value is not None}


def _training(facts: TrainingFacts) -> dict[str, float | bool]:
    values: dict[str, float | bool] = {
        "training/final_loss": facts.final_loss,
        "training/passes": facts.passes,
        "training/mean_cosine": facts.mean_cosine,
        "training/collapsed": facts.collapsed,
    }
    counted = {"training/masked": facts.masked, "training/masked_known_false": facts.masked_known_false}
    return values | {name: value for name, value in counted.items() if value is not None}

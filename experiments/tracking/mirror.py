"""What of a run is shown in Weights & Biases: pure functions of its config, labels and record."""

from __future__ import annotations

from experiments.config import RunConfig
from experiments.execution import Labels
from experiments.records.facts import TrainingFacts
from experiments.records.mining import MiningFacts
from experiments.records.schema import RunRecord

LONGEST_TAG = 64
"""Characters; Weights & Biases refuses longer ones."""


def group(config: RunConfig, labels: Labels) -> str:
    """The study, or outside a study the data."""
    return labels.study or config.data.name


def job_type(config: RunConfig, labels: Labels) -> str:
    """The arm, or outside a study the mining method."""
    return labels.arm or config.miner.kind


def tags(config: RunConfig, labels: Labels) -> list[str]:
    """``name:value`` for study, block, arm, teacher, miner and student; what has no value is left out."""
    values = {
        "study": labels.study,
        "block": labels.block,
        "arm": labels.arm,
        "teacher": config.teacher.name,
        "miner": config.miner.kind,
        "student": config.student.name,
    }
    return [f"{name}:{value}"[:LONGEST_TAG] for name, value in values.items() if value]


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

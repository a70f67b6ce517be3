"""Dev queries decide: what makes a run one that looks at nothing else, and what it scored there.

Shared by the values that a study chooses on dev and by the trials of a search.
"""

from __future__ import annotations

from experiments.config import RunConfig, collections_of
from experiments.errors import UserError
from experiments.records.schema import RunRecord

DEV_OVERRIDES = ("evaluation.splits=[dev]", "evaluation.collections=[]", "evaluation.tasks=[]")
"""What makes a run look at no test query."""


def check_dev_only(config: RunConfig, title: str) -> None:
    """Refuse a run that would look at anything but the dev queries of its own collection."""
    evaluation = config.evaluation
    if evaluation.splits != ("dev",) or evaluation.collections or evaluation.tasks:
        raise UserError(f"{title}: a run that decides looks at dev queries only, not {evaluation.model_dump()}")


def dev_score(record: RunRecord, config: RunConfig, measure: str) -> float:
    """The measure on the run's dev queries, of a mixture the mean over the parts that have some.

    Raises UserError for a record without any.
    """
    tasks = [f"{name}/dev" for name in collections_of(config.data)]
    scores = [record.tasks[task].measures[measure] for task in tasks if task in record.tasks]
    if not scores:
        raise UserError(f"record {record.run_id} has no scores on {', '.join(tasks)}: remove it and run again")
    return sum(scores) / len(scores)

"""What execution.dev_every asks for: how the student does on dev queries, told while it is trained."""

from __future__ import annotations

import functools
from collections.abc import Mapping

from experiments.config import RunConfig
from experiments.evaluation.dev import ndcg_of
from experiments.evaluation.reading import reading_of
from experiments.execution import Execution
from experiments.ir import Collection
from experiments.models.device import inference_batch
from experiments.stages.targets import dev_targets
from experiments.tracking import DEV
from experiments.training.watch import Watch


def dev_watch(config: RunConfig, own: Mapping[str, Collection], execution: Execution) -> Watch | None:
    """None where nothing is asked for. Raises UserError for collections of which none has dev queries."""
    if execution.dev_every is None:
        return None
    targets = dev_targets(config, own)
    measure = functools.partial(
        ndcg_of, targets=targets, reading=reading_of(config), batch_size=inference_batch(execution)
    )
    return Watch(name=DEV, every=execution.dev_every, measure=measure)

"""An outdated record whose students would be the same: its mining is taken over anew, and nothing is trained again."""

from __future__ import annotations

import re
from collections.abc import Mapping

from experiments.config import CheckpointStudent, DistilledStudent, GuideMask, InfoNCE, RunConfig
from experiments.ir import Collection, Positions
from experiments.miners.mine import Mined
from experiments.records.facts import LeakFacts
from experiments.records.schema import RunRecord
from experiments.stages.train import train_payload
from experiments.store import stage_key
from experiments.versions import EVALUATE, TRAIN


def still_stands(
    record: RunRecord,
    *,
    config: RunConfig,
    collection: Collection,
    mined: Mined,
    contents: Mapping[str, str],
    part: Positions | None = None,
) -> bool:
    """Whether training on `mined` and measuring on `contents` (task -> content hash) would repeat what `record` holds.

    part: as `train` takes it.

    True iff training and evaluation mean today what they meant then, the rows mined now make the very student that was
    trained, and every task has the content that was measured. A distilled base is never taken over, nor another run's
    student, nor what a guide masked: what lies behind them may have changed with the stage that made it outdated.
    """
    if isinstance(config.student, DistilledStudent | CheckpointStudent):
        return False
    if isinstance(config.train, InfoNCE) and isinstance(config.train.mask, GuideMask):
        return False
    if any(record.versions.get(stage.name, 1) != stage.version for stage in (TRAIN, EVALUATE)):
        return False
    payload = train_payload(
        config=config,
        collection=collection,
        negatives=mined.negatives,
        fitted=None,
        part=part,
        device=_device(record),
    )
    if record.artifacts.get(TRAIN.name) != stage_key(TRAIN.name, payload):
        return False
    return {task: scores.content_hash for task, scores in record.tasks.items()} == dict(contents)


def _device(record: RunRecord) -> str:
    """The type of the device that trained it: "cuda" of "cuda (NVIDIA H200)"."""
    return re.split(r"\W", str(record.environment.get("device", "cpu")))[0]


def renewed(
    record: RunRecord,
    *,
    mined: Mined,
    leaks: LeakFacts | None,
    artifacts: Mapping[str, str],
    versions: Mapping[str, int],
) -> RunRecord:
    """`record` with today's mining facts, keys and versions; its training, scores, times and environment stay."""
    replaced = {name.partition(" ")[0] for name in artifacts}
    kept = {name: key for name, key in record.artifacts.items() if name.partition(" ")[0] not in replaced}
    update = {
        "mining": mined.facts,
        "mining_parts": dict(mined.parts),
        "leaks": leaks,
        "artifacts": {**kept, **artifacts},
        "versions": dict(versions),
    }
    return record.model_copy(update=update)

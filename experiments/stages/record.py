"""The record of a run, of what its stages gave."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from experiments.collections.beir_hub import resolved_data
from experiments.config import RunConfig, Value, runs_in
from experiments.execution import Execution
from experiments.miners.mine import Mined
from experiments.models.device import resolve_device
from experiments.models.encoder import resolved_models
from experiments.records.environment import peak_gpu_memory_mb, peak_memory_mb
from experiments.records.facts import CollectionFacts, LeakFacts, TaskScores, TrainingFacts
from experiments.records.provenance import now, provenance
from experiments.records.schema import SCHEMA_VERSION, RunRecord, per_query_digest
from experiments.stages.checkpoint import trained_base
from experiments.stages.trail import Trail
from experiments.versions import versions_of


@dataclass(frozen=True)
class Started:
    """When a run started: by the clock on the wall, and by one that is never set back."""

    at: str = field(default_factory=now)
    clock: float = field(default_factory=time.perf_counter)


def make_record(
    config: RunConfig,
    collections: dict[str, CollectionFacts],
    *,
    execution: Execution,
    environment: Mapping[str, Any],
    trail: Trail,
    mined: Mined | None,
    leaks: LeakFacts | None,
    training: TrainingFacts | None,
    tasks: dict[str, TaskScores],
    per_query: pd.DataFrame | None,
    started: Started,
) -> RunRecord:
    """The record of a finished run, sealed."""
    artifacts, device = trail.artifacts, resolve_device(execution)
    wall = time.perf_counter() - started.clock
    made = {name: round(artifact.seconds if artifact.made else 0.0, 2) for name, artifact in artifacts.items()}
    cost = {name: round(artifact.seconds, 2) for name, artifact in artifacts.items()}
    return RunRecord(
        schema_version=SCHEMA_VERSION,
        run_id=config.run_id,
        config=config.model_dump(mode="json"),
        environment=dict(environment),
        inputs=trail.environments(unlike=environment),
        collections=collections,
        mining=mined.facts if mined is not None else None,
        training=training,
        tasks=tasks,
        timings={**made, "wall": round(wall, 2)},
        cost={**cost, "peak_memory_mb": round(peak_memory_mb(), 0), **peak_gpu_memory_mb(device)},
        artifacts=trail.keys,
        per_query=per_query_digest(per_query) if per_query is not None else "",
        versions=versions_of(trail.stages),
        data_sets=resolved_data(config.data, execution),
        models=resolved_models([*values_read(config), *_bases(config, execution.record_roots)]),
        mining_parts=dict(mined.parts) if mined is not None else {},
        leaks=leaks,
        provenance=provenance(started=started.at),
    ).sealed()


def values_read(config: RunConfig) -> list[Value]:
    """The parts of a config that may name models which the run reads."""
    mining: list[Value] = [config.teacher, config.mining] if config.train.kind != "none" else []
    return [*mining, config.train, config.student] if config.until == "evaluate" else mining


def _bases(config: RunConfig, roots: Sequence[Path]) -> list[Value]:
    """The base models of the other runs' students that the run reads."""
    return [trained_base(run, roots) for run in runs_in(values_read(config))]

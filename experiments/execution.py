"""Execution: where and how a run is executed, its tracker and its labels. Nothing here may change a number."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from experiments.config import Count, Size, Value

STORE = Path("outputs/store")
"""Where the commands look for what was computed, unless told another place."""


class WandbTracker(Value):
    """Weights & Biases. mode "auto": online with a key, else offline without a prompt.

    base_url: of a server of one's own; None = WANDB_BASE_URL, else W&B's. negatives: rows of the table of mined
    negatives that is logged. artifact: whether the ids of all training rows are, as a versioned artifact.
    """

    kind: Literal["wandb"] = "wandb"
    project: str = "which-hard-negatives"
    entity: str | None = None
    base_url: str | None = None
    mode: Literal["auto", "online", "offline"] = "auto"
    negatives: Size = 100
    artifact: bool = True

    @field_validator("base_url")
    @classmethod
    def _plain_address(cls, value: str | None) -> str | None:
        return None if value is None else check_address(value)


def check_address(text: str) -> str:
    """The address of a server. Raises ValueError for what is none, or holds a password."""
    parts = urlsplit(text)
    if parts.username is not None:
        raise ValueError("an address is logged, so no key belongs into it: set WANDB_API_KEY, or `wandb login`")
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("should be http://HOST or https://HOST")
    return text.rstrip("/")


class NoTracker(Value):
    """Nothing but the record."""

    kind: Literal["none"] = "none"


TrackerConfig = Annotated[WandbTracker | NoTracker, Field(discriminator="kind")]


class RayWorkers(Value):
    """The workers of engine=ray, and the cluster they are on.

    address: None = a cluster that is started on this machine for a stage, "auto" = the one that this machine belongs
    to, else HOST:PORT. num_gpus: of each worker, None = one where the run is on a GPU. max_retries: how often a worker
    that is lost is started again, and its shard done anew. runtime_env: as `ray.init` takes it.
    """

    address: str | None = None
    workers: Count = 2
    num_cpus: Annotated[float, Field(gt=0.0)] = 1.0
    num_gpus: Annotated[float, Field(ge=0.0)] | None = None
    max_retries: Size = 3
    runtime_env: dict[str, Any] = Field(default_factory=dict)


class Labels(Value):
    """What a run is called in a study or a search: W&B group, job type and tags. Never part of identity.

    search: the search that it belongs to, as a trial or as a run with a fresh seed; trial: the number of its trial.
    """

    study: str | None = None
    block: str | None = None
    arm: str | None = None
    search: str | None = None
    trial: Size | None = None


class Execution(Value):
    """Where and how a run is executed. Nothing here may change a number beyond floating-point noise.

    device: "auto" = CUDA where there is one. threads: None = torch's own choice. store: the artifact store's folder.
    inference_batch_size: texts encoded together in fp32; None = 32 on the CPU, 256 on CUDA.
    engine: who encodes and searches: this process; a pool of processes, one on each of `devices`, which encodes; or
    Ray's workers, which do both. devices: of the pool, () = every GPU.
    shard: passages that are encoded, and kept, before the next ones; a stopped encoding goes on at the next shard.
    workers: processes that read docstrings, and on CUDA those that tokenise training batches.
    deterministic: on CUDA, only algorithms that repeat their results to the last bit; recorded.
    checkpoint_every: seconds after which a training keeps a checkpoint to go on from; 0 = every step, None = never.
    results: a folder of published records, which count as done; None = only the store's do.
    data_paths: where collections lie, by name; at "NAME:corpus" the passages of one whose own file holds pairs alone.
    dev_every: steps of training after which the student is measured on dev queries and trackers are told; None = never.
    output: where logs and the tracker's files of this run go. model_folders: further folders of models, by their own
    names, for what another run's config names (teacher=checkpoint, student=checkpoint).
    """

    device: str = "auto"
    inference_batch_size: Count | None = None
    engine: Literal["process", "pool", "ray"] = "process"
    devices: tuple[str, ...] = ()
    ray: RayWorkers = RayWorkers()
    shard: Count = 50_000
    workers: Count = 2
    deterministic: bool = True
    threads: Count | None = None
    checkpoint_every: Annotated[float, Field(ge=0.0)] | None = 300.0
    store: Path = STORE
    results: Path | None = None
    output: Path = Path("outputs/run")
    beir_home: Path | None = None
    data_paths: dict[str, Path] = Field(default_factory=dict)
    model_paths: dict[str, Path] = Field(default_factory=dict)
    ranking_paths: dict[str, Path] = Field(default_factory=dict)
    model_folders: tuple[Path, ...] = ()
    tracker: TrackerConfig = NoTracker()
    labels: Labels = Labels()
    dev_every: Count | None = None
    progress: bool = True

    @model_validator(mode="after")
    def _devices_have_a_pool(self) -> Execution:
        if self.devices and self.engine != "pool":
            raise ValueError(f"devices={list(self.devices)} are a pool's, and engine={self.engine}: use engine=pool")
        return self

    @property
    def record_roots(self) -> tuple[Path, ...]:
        """The folders whose records count as done, the store first."""
        return (self.store,) if self.results is None else (self.store, self.results)

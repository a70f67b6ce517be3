"""Workers on Ray that each hold what is costly to build; a shard that is lost with its worker is done by another."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from experiments.engines.ray_cluster import cluster, last_line
from experiments.errors import UserError
from experiments.execution import Execution, RayWorkers
from experiments.models.device import is_cuda, resolve_device, use_device

Build = Callable[[Execution], Any]
"""What a worker builds when it starts, as it is executed there: its methods are called with one argument each."""


@dataclass(frozen=True)
class Workers:
    """The workers of one stage. build: in Ray's object store. execution: as it is where a worker is."""

    ray: ModuleType
    pool: Any
    build: Any
    execution: Execution

    def run(self, method: str, shards: Sequence[int], argument: Callable[[int], Any]) -> Iterator[tuple[int, Any]]:
        """Each shard and what `method` gives for its argument, as they are ready.

        An argument is made when a worker is free for it, and travels through Ray's object store. Raises UserError as
        the method does, and where workers are lost too often.
        """
        found = self.pool.map_unordered(
            lambda worker, shard: worker.run.remote(self.build, self.execution, method, shard, argument(shard)),
            list(shards),
        )
        try:
            yield from found
        except self.ray.exceptions.RayTaskError as error:
            if isinstance(error.cause, UserError):
                raise UserError(str(error.cause)) from None
            raise
        except self.ray.exceptions.RayActorError as error:
            why = last_line(error)
            raise UserError(
                f"a worker of Ray was lost too often ({why}): if its memory was full, use fewer execution.ray.workers "
                "or a smaller execution.shard; the same command goes on with the shards that are missing"
            ) from error


@contextmanager
def ray_workers(build: Build, execution: Execution) -> Iterator[Workers]:
    """`execution.ray.workers` workers that hold what `build` gives; they end with the block.

    Each computes on a device of the kind that the run is on, with as many threads. Raises UserError where Ray is not
    installed, no cluster answers or it has no room for them.
    """
    import torch

    asked = execution.ray
    kind = "cuda" if is_cuda(resolve_device(execution)) else "cpu"
    gpus = asked.num_gpus if asked.num_gpus is not None else float(kind == "cuda")
    there = execution.model_copy(update={"device": kind, "threads": torch.get_num_threads()})
    with cluster(_init(asked, gpus), asked="execution.engine=ray", key="execution.ray.address") as ray:
        _check_room(ray, asked, gpus)
        worker = ray.remote(_Worker).options(
            num_cpus=asked.num_cpus, num_gpus=gpus, max_restarts=asked.max_retries, max_task_retries=asked.max_retries
        )
        actors = [worker.remote() for _ in range(asked.workers)]
        try:
            yield Workers(ray, ray.util.ActorPool(actors), ray.put(build), there)
        finally:
            for actor in actors:
                ray.kill(actor)


class _Worker:
    """Builds at its first shard: what a constructor is given would be lost to a worker that is started again."""

    def __init__(self) -> None:
        self._work: Any = None

    def run(self, build: Build, execution: Execution, method: str, shard: int, argument: Any) -> tuple[int, Any]:
        if self._work is None:
            self._work = _built(build, execution)
        return shard, getattr(self._work, method)(argument)


def _built(build: Build, execution: Execution) -> Any:
    import torch

    use_device(execution)
    torch.set_num_threads(execution.threads or 1)
    return build(execution)


def _init(asked: RayWorkers, gpus: float) -> dict[str, Any]:
    """Of `ray.init`; a cluster that is started has room for just the workers."""
    given: dict[str, Any] = {"address": asked.address, "runtime_env": asked.runtime_env or None}
    if asked.address is not None:
        return given
    room = {"num_cpus": math.ceil(asked.workers * asked.num_cpus), "num_gpus": math.ceil(asked.workers * gpus)}
    return given | room | {"include_dashboard": False}


def _check_room(ray: ModuleType, asked: RayWorkers, gpus: float) -> None:
    there = ray.cluster_resources()
    for name, each in (("CPU", asked.num_cpus), ("GPU", gpus)):
        if asked.workers * each > there.get(name, 0.0):
            raise UserError(
                f"execution.ray.workers={asked.workers} take {asked.workers * each:g} {name}s and the cluster has "
                f"{there.get(name, 0.0):g}: use fewer, or execution.ray.num_{name.lower()}s"
            )

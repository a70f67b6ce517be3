"""Runs as tasks of Ray: on a cluster that is there, or on one that is started on this machine for the sweep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any

from experiments.engines.ray_cluster import cluster, last_line
from experiments.launchers.ending import lost
from experiments.launchers.job import LaunchedJob
from experiments.launchers.turns import run_in_turn


def run_on_ray(
    jobs: Sequence[LaunchedJob], *, init: Mapping[str, Any], task: Mapping[str, Any], at_once: int | None
) -> None:
    """Run all jobs, as many at a time as the cluster has room for, and `at_once` at most.

    init: of `ray.init`. task: of a remote function's options (num_cpus, num_gpus, max_retries). Raises UserError where
    there is no such cluster.
    """
    with cluster(init, asked="hydra/launcher=ray", key="hydra.launcher.init.address") as ray:
        _run(ray, jobs, task, at_once or len(jobs))


def _run(ray: ModuleType, jobs: Sequence[LaunchedJob], task: Mapping[str, Any], at_once: int) -> None:
    remote = ray.remote(_work)

    def start(job: LaunchedJob) -> Any:
        return remote.options(**task, name=job.name).remote(job)

    def over(running: Sequence[Any]) -> Sequence[Any]:
        ended, _ = ray.wait(list(running), num_returns=1)
        return [reference for reference in running if reference in ended]

    def tell(job: LaunchedJob, reference: Any) -> None:
        try:
            ray.get(reference)
        except ray.exceptions.RayError as error:
            lost(job.name, last_line(error))

    run_in_turn(jobs, at_once=at_once, start=start, over=over, on_end=tell)


def _work(job: LaunchedJob) -> None:
    job()

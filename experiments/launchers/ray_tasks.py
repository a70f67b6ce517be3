"""Runs as tasks of Ray: on a cluster that is there, or on one that is started on this machine for the sweep."""

from __future__ import annotations

import logging
import re
import socket
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any

from experiments.errors import UserError
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
    ray = _ray()
    ours = not ray.is_initialized()
    if ours:
        _start(ray, init)
    try:
        _run(ray, jobs, task, at_once or len(jobs))
    finally:
        if ours:
            ray.shutdown()


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
            lost(job.name, str(error).strip().splitlines()[-1])

    run_in_turn(jobs, at_once=at_once, start=start, over=over, on_end=tell)


def _work(job: LaunchedJob) -> None:
    job()


def _start(ray: ModuleType, init: Mapping[str, Any]) -> None:
    given = {name: value for name, value in init.items() if value is not None}
    try:
        _reach(str(given.get("address", "")))
        ray.init(logging_level=logging.WARNING, **given)
    except (OSError, ValueError) as error:
        why = " ".join(str(error).split())
        raise UserError(
            f"hydra.launcher.init.address={given.get('address')}: no Ray cluster answers ({why})"
        ) from error


def _reach(address: str) -> None:
    """Raise OSError where nothing listens at HOST:PORT: Ray itself tries again for many minutes."""
    if place := re.fullmatch(r"([\w.-]+):(\d+)", address):
        socket.create_connection((place[1], int(place[2])), timeout=10).close()


def _ray() -> ModuleType:
    try:
        import ray
    except ImportError as error:
        raise UserError("hydra/launcher=ray needs Ray: pip install -e '.[ray]'") from error
    module: ModuleType = ray
    return module

"""Runs as jobs of submitit: on SLURM, or in processes of this machine that behave as SLURM's jobs do."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from experiments.errors import UserError
from experiments.files import write_text
from experiments.launchers.ending import lost
from experiments.launchers.job import LaunchedJob
from experiments.launchers.slurm_queue import alive, job_states, wait_for
from experiments.launchers.turns import run_in_turn

SHARED = frozenset(
    ["timeout_min", "cpus_per_task", "gpus_per_node", "tasks_per_node", "mem_gb", "nodes", "name", "stderr_to_stdout"]
)
"""Parameters that have one name for every kind of cluster; submitit wants the others under the cluster's name."""
SETTLE = 15.0
"""Seconds after the end of a job within which a network disk shows what it wrote."""


def run_on_slurm(
    jobs: Sequence[LaunchedJob], *, parameters: Mapping[str, Any], folder: str, known: Path, retries: int, every: float
) -> None:
    """Submit the runs as arrays and wait until none is in the queue.

    known: the folder where the id of each run's job is kept: a job that an earlier command has left in the queue is
    waited for, not submitted again. retries: how often a job that ran out of time is put back into the queue.
    """
    states = job_states() or {}
    ids = {job.name: one for job in jobs if (one := _known_id(known, job.name)) and alive([one], states)}
    if ids:
        print(f"{len(ids)} of the jobs are in the queue already, from an earlier command: they are waited for")
    new = [job for job in jobs if job.name not in ids]
    firsts = [job for job in new if not job.after]
    for batch in (firsts, [job for job in new if job.after]):
        needed = sorted({ids[name] for job in batch for name in job.after})
        ids |= _submit(batch, parameters=parameters, folder=folder, known=known, retries=retries, needed=needed)
    _wait(ids, folder=folder, every=every)


def run_on_processes(
    jobs: Sequence[LaunchedJob], *, parameters: Mapping[str, Any], folder: str, at_once: int, retries: int
) -> None:
    """Run submitit's jobs on this machine, `at_once` at a time."""
    executor = _executor("local", parameters, folder, retries)

    def tell(job: LaunchedJob, handle: Any) -> None:
        if not handle.paths.result_pickle.exists():
            lost(job.name, f"its log: {handle.paths.stderr}")

    run_in_turn(jobs, at_once=at_once, start=executor.submit, over=_over, on_end=tell)


def _over(running: Sequence[Any]) -> list[Any]:
    """Those of submitit's jobs that have ended, after a short wait where none has."""
    ended = [handle for handle in running if handle.done()]
    if not ended:
        time.sleep(0.5)
    return ended


def _submit(
    jobs: Sequence[LaunchedJob],
    *,
    parameters: Mapping[str, Any],
    folder: str,
    known: Path,
    retries: int,
    needed: Sequence[str],
) -> dict[str, str]:
    """One array of jobs, which starts once the `needed` ones have ended, however they did: name -> job id."""
    if not jobs:
        return {}
    from submitit.core.utils import FailedJobError

    waits = {"dependency": f"afterany:{':'.join(needed)}"} if needed else {}
    executor = _executor("slurm", {**parameters, **waits}, folder, retries)
    try:
        with executor.batch():
            handles = [executor.submit(job) for job in jobs]
    except FailedJobError as error:
        raise UserError(f"SLURM refused the jobs ({error}): mend hydra.launcher's settings") from error
    ids = {job.name: str(handle.job_id) for job, handle in zip(jobs, handles, strict=True)}
    for name, one in ids.items():
        write_text(known / name, one)
    print(f"submitted {len(jobs)} job{'s' if len(jobs) > 1 else ''}: {', '.join(ids.values())}", flush=True)
    return ids


def _wait(ids: Mapping[str, str], *, folder: str, every: float) -> None:
    """Wait for all jobs, telling each that ends without having returned."""
    names = {one: name for name, one in ids.items()}
    left = len(ids)

    def told(one: str, state: str) -> None:
        nonlocal left
        left -= 1
        if not _returned(folder, one, wait=SETTLE if state in {"", "COMPLETED"} else 0.0):
            lost(names[one], f"SLURM job {one}, {state or 'no longer known'}")
        print(f"{len(ids) - left} of {len(ids)} jobs ended", flush=True)

    wait_for(list(names), every=every, on_end=told)


def _returned(folder: str, one: str, *, wait: float) -> bool:
    """Whether a job that has ended returned; looks again for `wait` seconds, since a network disk may be late."""
    from submitit.core.utils import JobPaths

    paths, until = JobPaths(folder, job_id=one), time.monotonic() + wait
    while not paths.result_pickle.exists() and time.monotonic() < until:
        list(paths.folder.iterdir())  # asks a network disk for the folder anew
        time.sleep(0.5)
    return bool(paths.result_pickle.exists())


def _executor(cluster: str, parameters: Mapping[str, Any], folder: str, retries: int) -> Any:
    submitit = _submitit(cluster)
    try:
        executor = submitit.AutoExecutor(folder=folder, cluster=cluster, **{f"{cluster}_max_num_timeout": retries})
    except RuntimeError as error:  # no srun on this machine
        raise UserError(f"hydra/launcher=submitit_{cluster}: {error}: run it where jobs are submitted") from error
    given = {name: value for name, value in parameters.items() if value is not None}
    try:
        executor.update_parameters(
            **{name if name in SHARED else f"{cluster}_{name}": value for name, value in given.items()}
        )
    except (NameError, TypeError, ValueError) as error:
        raise UserError(f"hydra.launcher: submitit refuses its settings ({str(error).splitlines()[0]})") from error
    return executor


def _submitit(cluster: str) -> ModuleType:
    try:
        import submitit
    except ImportError as error:
        raise UserError(f"hydra/launcher=submitit_{cluster} needs submitit: pip install -e '.[slurm]'") from error
    module: ModuleType = submitit
    return module


def _known_id(known: Path, name: str) -> str | None:
    path = known / name
    return path.read_text(encoding="utf-8").strip() if path.is_file() else None

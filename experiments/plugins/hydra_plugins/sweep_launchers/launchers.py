"""Hydra's side of the launchers: each takes its settings from conf/hydra/launcher/ and hands the runs on.

None returns what its runs returned, and none raises for a run that was lost: a sweep reads the store.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.core.utils import JobReturn
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

from experiments.launchers.job import LaunchedJob, launched_jobs
from experiments.launchers.settings import share_of_cores, workers

# Where hydra-submitit-launcher is installed as well, Hydra would hold our files to its schemas of the same names.
for _name in ("submitit_local.yaml", "submitit_slurm.yaml"):
    ConfigStore.instance().repo.get("hydra", {}).get("launcher", {}).pop(_name, None)


class _SweepLauncher(Launcher):  # type: ignore[misc]
    """What these launchers share.

    at_once: whether runs may go on at the same time. threads: of each run; None leaves it to where it runs.
    """

    at_once = True
    threads: int | None = None

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Called by Hydra."""
        self.context, self.task, self.config = hydra_context, task_function, config

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Return when every run has ended, with nothing."""
        self.folder.mkdir(parents=True, exist_ok=True)
        jobs = launched_jobs(
            job_overrides,
            first=initial_job_idx,
            context=self.context,
            config=self.config,
            task=self.task,
            threads=self.threads,
        )
        self._run(jobs)
        return []

    @property
    def folder(self) -> Path:
        """Where the sweep's runs have their folders."""
        return Path(str(self.config.hydra.sweep.dir))

    def _run(self, jobs: Sequence[LaunchedJob]) -> None:
        raise NotImplementedError


class ParallelLauncher(_SweepLauncher):
    """Worker processes of this machine."""

    def __init__(self, n_jobs: int) -> None:
        self.n_jobs = n_jobs

    def setup(self, **given: Any) -> None:
        """Called by Hydra. Raises UserError for an n_jobs that is no number of runs."""
        super().setup(**given)
        self.n_jobs = workers(self.n_jobs)
        self.at_once, self.threads = self.n_jobs > 1, share_of_cores(self.n_jobs)

    def _run(self, jobs: Sequence[LaunchedJob]) -> None:
        from experiments.launchers.forked import run_forked

        run_forked(jobs, workers=self.n_jobs)


class SlurmLauncher(_SweepLauncher):
    """Jobs of SLURM, through submitit."""

    def __init__(self, submitit_folder: str, max_num_timeout: int, poll_s: float, **parameters: Any) -> None:
        self.submitit_folder, self.retries, self.every = submitit_folder, max_num_timeout, poll_s
        self.parameters = _plain(parameters)
        self.threads = self.parameters.get("cpus_per_task")

    def _run(self, jobs: Sequence[LaunchedJob]) -> None:
        from experiments.launchers.submitted import run_on_slurm

        run_on_slurm(
            jobs,
            parameters=self.parameters,
            folder=self.submitit_folder,
            known=self.folder / ".submitit" / "jobs",
            retries=self.retries,
            every=self.every,
        )


class LocalLauncher(ParallelLauncher):
    """submitit's jobs as processes of this machine."""

    def __init__(self, submitit_folder: str, max_num_timeout: int, n_jobs: int, **parameters: Any) -> None:
        super().__init__(n_jobs)
        self.submitit_folder, self.retries = submitit_folder, max_num_timeout
        self.parameters = _plain(parameters)

    def _run(self, jobs: Sequence[LaunchedJob]) -> None:
        from experiments.launchers.submitted import run_on_processes

        run_on_processes(
            jobs, parameters=self.parameters, folder=self.submitit_folder, at_once=self.n_jobs, retries=self.retries
        )


class RayLauncher(_SweepLauncher):
    """Tasks of a Ray cluster."""

    def __init__(self, init: Any, task: Any, max_running: int | None) -> None:
        self.init, self.task_options, self.max_running = _plain(init), _plain(task), max_running

    def _run(self, jobs: Sequence[LaunchedJob]) -> None:
        from experiments.launchers.ray_tasks import run_on_ray

        run_on_ray(jobs, init=self.init, task=self.task_options, at_once=self.max_running)


def _plain(value: Any) -> dict[str, Any]:
    """Settings as plain data."""
    config = value if isinstance(value, DictConfig) else OmegaConf.create(value)
    plain: dict[str, Any] = OmegaConf.to_container(config, resolve=True)  # type: ignore[assignment]
    return plain

"""One run of a sweep as a value: what a launcher sends to another process, and what that process does with it."""

from __future__ import annotations

import os
import pickle
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra.core.singleton import Singleton
from hydra.core.utils import run_job, setup_globals
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, open_dict

from experiments.command.compose import add_plugins
from experiments.command.requeue import mark_requeued

THREADS = "OMP_NUM_THREADS"


@dataclass(frozen=True)
class LaunchedJob:
    """One run, or shared work that goes before runs.

    It can be unpickled wherever this package can be imported: Hydra's own state (`sweep`) stays packed until it is
    called. number: its place in the sweep. folder: the driver's working folder. after: names of those of its fellows
    that should have ended before it starts. threads: of the job's libraries, unless OMP_NUM_THREADS is set; None leaves
    their own choice.
    """

    name: str
    overrides: tuple[str, ...]
    number: int
    after: frozenset[str]
    folder: Path
    sweep: bytes
    threads: int | None = None

    def __call__(self) -> None:
        """Run it in this process. What comes of it is in the store. Raises OSError where `folder` is not there."""
        os.chdir(self.folder)
        if self.threads is not None:
            os.environ.setdefault(THREADS, str(self.threads))
        add_plugins()
        setup_globals()
        context, config, task, instances = pickle.loads(self.sweep)
        # OmegaConf's resolvers cannot be pickled; setup_globals has made this process's own.
        Singleton.set_state({**Singleton.get_state(), "instances": instances})
        composed = context.config_loader.load_sweep_config(config, list(self.overrides))
        with open_dict(composed.hydra.job):
            composed.hydra.job.id, composed.hydra.job.num = self.name, self.number
        run_job(
            hydra_context=context,
            task_function=task,
            config=composed,
            job_dir_key="hydra.sweep.dir",
            job_subdir_key="hydra.sweep.subdir",
        )

    def checkpoint(self) -> Any:
        """What submitit puts back into the queue when the cluster takes the node: the same run, which resumes."""
        import submitit

        mark_requeued()
        return submitit.helpers.DelayedSubmission(self)

    __submitit_checkpoint__ = checkpoint  # what later versions of submitit call


def launched_jobs(
    batch: Sequence[Sequence[str]],
    *,
    first: int,
    context: HydraContext,
    config: DictConfig,
    task: TaskFunction,
    threads: int | None = None,
) -> list[LaunchedJob]:
    """The jobs of one call of Hydra's `Launcher.launch`. `batch` holds the overrides of each."""
    sweep = pickle.dumps((context, config, task, Singleton.get_state()["instances"]))
    names = [_value(overrides, "run_name") or f"job-{first + i}" for i, overrides in enumerate(batch)]
    return [
        LaunchedJob(
            name=name,
            overrides=tuple(overrides),
            number=first + i,
            after=frozenset(re.findall(r"[\w-]+", _value(overrides, "after"))) & frozenset(names),
            folder=Path.cwd(),
            sweep=sweep,
            threads=threads,
        )
        for i, (name, overrides) in enumerate(zip(names, batch, strict=True))
    ]


def _value(overrides: Sequence[str], key: str) -> str:
    """The value of `key`, which the command itself wrote among the overrides of a run; "" where it did not."""
    given = [text.partition("=")[2] for text in overrides if text.startswith(f"{key}=")]
    return given[-1].strip("'") if given else ""

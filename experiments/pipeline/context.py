"""What the stages of one run share: config, execution, store, and what other runs have trained."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, field

from experiments.config import CheckpointStudent, RunConfig, Training
from experiments.execution import Execution
from experiments.models.device import check_attention, check_training_device, resolve_device, use_device
from experiments.models.trained import Trained
from experiments.records.environment import describe_environment, threads_used
from experiments.stages.checkpoint import find_trained
from experiments.stages.embed import embed
from experiments.stages.trail import Trail
from experiments.store import Store
from experiments.teachers.teacher import Embed
from experiments.tracking import Tracker


@dataclass(frozen=True)
class Context:
    """What every stage of one run shares.

    train_again: mines and trains as a run did whose record is there, and gives the key of what it has trained.
    found: what other runs have trained, by their names, once it was asked for.
    """

    config: RunConfig
    execution: Execution
    store: Store
    trail: Trail
    tracker: Tracker
    train_again: Callable[[RunConfig], str]
    found: dict[str, Trained] = field(default_factory=dict)

    @property
    def embed(self) -> Embed:
        """The embed stage over this run's store, for the stages that need vectors."""
        return functools.partial(embed, store=self.store, execution=self.execution, trained=self.trained)

    def trained(self, run: str) -> Trained:
        """What another run has trained; it is trained again where its weights are not in the store."""
        if run not in self.found:
            self.found[run], artifact = find_trained(
                run, roots=self.execution.record_roots, store=self.store, train_again=self.train_again
            )
            self.trail.add(f"checkpoint {run[:8]}", artifact)
        return self.found[run]

    @property
    def start(self) -> Trained | None:
        """The student of another run that this one's begins with, if any."""
        student = self.config.student
        return self.trained(student.run) if isinstance(student, CheckpointStudent) else None


def store_of(execution: Execution) -> Store:
    """The store, which notes in every artifact the environment that made it."""
    device, threads = resolve_device(execution), threads_used(execution.threads)
    return Store(execution.store, environment=describe_environment(device=device, threads=threads))


def use_device_of(config: RunConfig, execution: Execution) -> None:
    """Set the device up. What cannot run there is refused before anything is read."""
    device = resolve_device(execution)
    if isinstance(config.train, Training) and config.until == "evaluate":
        check_training_device(device)
        check_attention(config.train.attention, device)
    use_device(execution)

"""The command in a process of its own that signals hit, and what it tells of the artifacts that it makes."""

from __future__ import annotations

import json
import multiprocessing
import os
import resource
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

HUNG = 900.0
"""Seconds after which a driver counts as hung."""


@dataclass(frozen=True)
class Event:
    """An artifact's making began or ended."""

    what: str
    stage: str
    key: str
    at: float


class Journal:
    """A file to which every driver appends a line when it begins to make an artifact, and when that is whole."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def tell(self, what: str, stage: str, key: str) -> None:
        line = json.dumps([what, stage, key, time.time()]) + "\n"
        handle = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(handle, line.encode())
        os.close(handle)

    def read(self) -> list[Event]:
        if not self.path.is_file():
            return []
        return [Event(*json.loads(line)) for line in self.path.read_text().splitlines()]


def start(command: Sequence[str], *, output: Path, journal: Path, file_limit: int | None = None) -> BaseProcess:
    """`python -m experiments.run` in a process forked from one that has imported everything.

    file_limit: the size in bytes beyond which the system refuses to write a file.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.drill.preload"])
    process = context.Process(target=_drive, args=(list(command), output, journal, file_limit))
    process.start()
    return process


def finish(process: BaseProcess) -> int | None:
    """The exit code; None for a driver that had to be killed because it did not end."""
    process.join(HUNG)
    if process.exitcode is None:
        process.kill()
        process.join()
        return None
    return process.exitcode


def _drive(command: list[str], output: Path, journal: Path, file_limit: int | None) -> None:
    handle = os.open(output, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.dup2(handle, 1)
    os.dup2(handle, 2)
    # A shell starts what it puts into the background deaf to Ctrl-C, and so this process, too.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if file_limit is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (file_limit, file_limit))
    _tell_of_artifacts(Journal(journal))
    from experiments import run

    sys.argv = ["experiments.run", *command]
    sys.exit(run.main(command))


def _tell_of_artifacts(journal: Journal) -> None:
    """Around the store's own making of an artifact, under its lock."""
    from experiments.store import artifacts

    make: Callable[..., Any] = artifacts._make

    def told(stage: str, final: Path, *arguments: Any) -> Any:
        journal.tell("begin", stage, final.name)
        made = make(stage, final, *arguments)
        journal.tell("end", stage, final.name)
        return made

    artifacts._make = told

"""A sweep's command in a process of its own: watch which runs begin, kill it, read what it said."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from tests.helpers.launching import ROOT, sweep_command

Found = TypeVar("Found")
PATIENCE = 900.0
"""Seconds after which something that should have happened is taken not to."""


@dataclass(frozen=True)
class Sweep:
    """The small sweep with two seeds, so four runs, on one store. more: further arguments."""

    data: Path
    outputs: Path
    environment: Mapping[str, str]
    more: tuple[str, ...] = ()

    @property
    def store(self) -> Path:
        return self.outputs / "store"

    def start(self) -> Driver:
        self.outputs.mkdir(parents=True, exist_ok=True)
        log = self.outputs / f"driver-{len(list(self.outputs.glob('driver-*')))}.log"
        command = [sys.executable, *sweep_command(self.data, self.outputs, "seed=0,1", *self.more)]
        with log.open("wb") as file:
            process = subprocess.Popen(
                command, cwd=ROOT, env={**os.environ, **self.environment}, stdout=file, stderr=file
            )
        return Driver(process, log, self)


@dataclass(frozen=True)
class Driver:
    process: subprocess.Popen[bytes]
    log: Path
    sweep: Sweep

    def begun(self, *, besides: Collection[str] = ()) -> str:
        """Wait for a run that has begun and not ended; its run_id."""

        def found() -> str | None:
            notes = {path.stem for path in self.sweep.store.glob("failures/*.json")}
            assert self.process.poll() is None, self.said()
            return next(iter(sorted(notes - {*besides})), None)

        return wait_until(found)

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def end(self) -> int:
        try:
            return self.process.wait(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise AssertionError(f"did not end:\n{self.said()}") from None

    def said(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")


def wait_until(found: Callable[[], Found | None]) -> Found:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        result = found()
        if result is not None:
            return result
        time.sleep(0.1)
    raise AssertionError("what was waited for did not happen")

"""One round: the sweep is disturbed at a drawn moment, the same command is run to its end, all is checked."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path

from analysis.drill import Round
from experiments.store import DESCRIPTOR
from tests.drill.check import Key, faults
from tests.drill.driver import Journal, finish, start
from tests.drill.sweep import Sweep, Undisturbed, store_of, whole

SIGNALS = {"SIGINT": signal.SIGINT, "SIGTERM": signal.SIGTERM, "SIGKILL": signal.SIGKILL}
KINDS = (*SIGNALS, "disk full", "flipped bytes", "two drivers", "two drivers, one killed")
ROOM = 1 << 30
"""Bytes of the disk once it is made larger."""


@dataclass(frozen=True)
class Moment:
    """When to strike: the `begun`-th artifact is being made, and this share of the time that it takes has passed."""

    begun: int
    share: float

    def told(self, clean: Undisturbed) -> str:
        return f"{clean.begun[self.begun][0]}, {self.share:.0%} of its time, artifact {self.begun + 1}"


@dataclass
class Scene:
    """A round's own folder, draws and sweep."""

    sweep: Sweep
    clean: Undisturbed
    folder: Path
    kind: str
    draw: random.Random
    started: list[BaseProcess] = field(default_factory=list)

    @property
    def journal(self) -> Journal:
        return Journal(self.folder / "journal")

    def start(self, *, file_limit: int | None = None) -> BaseProcess:
        command, said = self.sweep.command(self.folder), self.folder / "said"
        self.started.append(start(command, output=said, journal=self.journal.path, file_limit=file_limit))
        return self.started[-1]

    def wait_until(self, moment: Moment) -> None:
        """Return when it has come, or every driver has ended."""
        while sum(event.what == "begin" for event in self.journal.read()) <= moment.begun:
            if all(process.exitcode is not None for process in self.started):
                return
            time.sleep(0.005)
        time.sleep(moment.share * self.clean.begun[moment.begun][1])


def play(number: int, kind: str, *, sweep: Sweep, clean: Undisturbed, folder: Path, seed: int) -> Round:
    """Disturb, run to the end, check; the round's folder is removed where all is well."""
    folder.mkdir(parents=True)
    scene = Scene(sweep, clean, folder, kind, random.Random(f"{seed}/{number}/{kind}"))
    moment = Moment(scene.draw.randrange(len(clean.begun)), scene.draw.random())
    began = time.perf_counter()
    with _disk(scene) as grow:
        ended = _disturb(scene, moment)
        grow()
        recorded = len(list(store_of(folder).glob("records/*/*.json")))
        damaged = _flip(scene) if kind == "flipped bytes" else frozenset()
        before, again = whole(folder), time.perf_counter()
        last = finish(scene.start())
        again = time.perf_counter() - again
        found = [f"a driver hung ({code})" for code in (*ended, last) if code is None]
        found += [f"the command that was run to its end ended with {last}"] if last != 0 else []
        found += _causes(scene)
        found += faults(folder, clean, before=before, damaged=damaged, events=scene.journal.read())
        resumed = _resumed(folder)
    if not found:
        shutil.rmtree(folder)
    return Round(
        number=number,
        kind=kind,
        moment="the start" if kind == "two drivers" else moment.told(clean),
        ended=ended,
        recorded=recorded,
        artifacts=len(before),
        resumed=resumed,
        damaged=len(damaged),
        faults=tuple(found),
        seconds=round(time.perf_counter() - began, 1),
        again=round(again, 1),
    )


def _disturb(scene: Scene, moment: Moment) -> tuple[int | None, ...]:
    """Exit codes of the drivers that were disturbed."""
    if scene.kind == "disk full":
        limit = None if can_mount() else int(scene.clean.largest * scene.draw.uniform(0.01, 0.9))
        return (finish(scene.start(file_limit=limit)),)
    one = scene.start()
    other = scene.start() if scene.kind.startswith("two drivers") else None
    if scene.kind != "two drivers":
        scene.wait_until(moment)
        if one.pid is not None and one.exitcode is None:
            os.kill(one.pid, SIGNALS.get(scene.kind, signal.SIGKILL))
    return tuple(finish(process) for process in (one, other) if process is not None)


@contextlib.contextmanager
def _disk(scene: Scene) -> Iterator[object]:
    """For "disk full" a file system of a drawn size under the outputs; what is yielded makes it large."""
    place = scene.folder / "outputs"
    if scene.kind != "disk full" or not can_mount():
        yield lambda: None
        return
    place.mkdir()
    size = int(scene.clean.size * scene.draw.uniform(0.1, 1.0))
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)], check=True)
    try:
        yield lambda: subprocess.run(["mount", "-o", f"remount,size={ROOM}", str(place)], check=True)
    finally:
        subprocess.run(["umount", str(place)], check=True)


def can_mount() -> bool:
    """Whether this process may mount a file system in memory; else the size of files is limited instead."""
    return os.geteuid() == 0 and shutil.which("mount") is not None


def _flip(scene: Scene) -> frozenset[Key]:
    """Flip a bit in up to three files of artifacts that are whole."""
    root = store_of(scene.folder)
    artifacts = sorted(whole(scene.folder))
    files = sorted(
        path
        for stage, key in artifacts
        for path in (root / stage / key).rglob("*")
        if path.is_file() and path.name != DESCRIPTOR and path.stat().st_size
    )
    chosen = scene.draw.sample(files, min(3, len(files)))
    for path in chosen:
        data = bytearray(path.read_bytes())
        data[scene.draw.randrange(len(data))] ^= 1 << scene.draw.randrange(8)
        path.write_bytes(data)
    return frozenset((path.relative_to(root).parts[0], path.relative_to(root).parts[1]) for path in chosen)


def _causes(scene: Scene) -> list[str]:
    """Tracebacks on the screen; and of a full disk, failures that are told as anything else."""
    said = (scene.folder / "said").read_text(encoding="utf-8")
    found = ["a traceback was printed"] if "Traceback" in said else []
    failed = [line.strip() for line in said.splitlines() if "failed after" in line]
    expected = "cannot be written" if scene.kind == "disk full" else "nothing"
    return found + [f"failed otherwise: {line}" for line in failed if expected not in line]


def _resumed(folder: Path) -> int:
    logs = (folder / "outputs" / "runs").glob("*/run.log")
    return sum(path.read_text(encoding="utf-8").count("training goes on from step") for path in logs)

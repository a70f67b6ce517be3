"""The sweep that is interrupted: real stages on a generated collection, small enough to run a hundred times."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from experiments.store import DESCRIPTOR
from tests.drill.driver import Event, Journal, finish, start
from tests.helpers.beir import write_beir

SETTINGS = (
    "data=beir",
    "teacher=static",
    "student=tiny",
    "miner=naive_topk,topk_percpos",
    "mining.depth=30",
    *(f"train.{setting}" for setting in ("steps=6", "batch_size=8", "query_length=16", "passage_length=32")),
    "train.freeze_token_embeddings=true",
    *(f"evaluation.{setting}" for setting in ("query_length=16", "passage_length=32")),
    *(f"execution.{setting}" for setting in ("threads=1", "progress=false", "results=null", "checkpoint_every=0")),
    "tracker=none",
)
TIMES = ("timings", "cost", "provenance", "digest")
"""Of a record, what two equal runs differ in."""


@dataclass(frozen=True)
class Sweep:
    """A sweep over two miners and `seeds` on the collection in `data`; one folder a round keeps what it leaves."""

    data: Path
    seeds: int

    @classmethod
    def make(cls, root: Path, *, seeds: int) -> Sweep:
        return cls(write_beir(root / "toy", documents=150, train=40, dev=0, test=15), seeds)

    def command(self, folder: Path) -> list[str]:
        seeds = ",".join(map(str, range(self.seeds)))
        return ["-m", *SETTINGS, f"data.path={self.data}", f"seed={seeds}", f"outputs={folder / 'outputs'}"]


@dataclass(frozen=True)
class Undisturbed:
    """What the sweep leaves when nothing happens to it: records, what was made in which order, the store's bytes."""

    records: dict[str, dict[str, Any]]
    events: tuple[Event, ...]
    size: int
    largest: int
    seconds: float

    @property
    def begun(self) -> list[tuple[str, float]]:
        """(stage, seconds that it took) in the order in which they began."""
        ends = {(event.stage, event.key): event.at for event in self.events if event.what == "end"}
        return [(e.stage, ends[e.stage, e.key] - e.at) for e in self.events if e.what == "begin"]


def undisturbed(sweep: Sweep, folder: Path) -> Undisturbed:
    """Run it to its end once. Raises RuntimeError where that does not work."""
    folder.mkdir(parents=True)
    journal = Journal(folder / "journal")
    process = start(sweep.command(folder), output=folder / "said", journal=journal.path)
    code = finish(process)
    if code != 0:
        raise RuntimeError(f"the undisturbed sweep ended with {code}: {(folder / 'said').read_text()}")
    events = journal.read()
    files = [path.stat().st_size for path in store_of(folder).rglob("*") if path.is_file()]
    return Undisturbed(
        records=records(folder),
        events=tuple(events),
        size=sum(files),
        largest=max(files),
        seconds=events[-1].at - events[0].at,
    )


def store_of(folder: Path) -> Path:
    return folder / "outputs" / "store"


def records(folder: Path) -> dict[str, dict[str, Any]]:
    """Every record without its times and origin, by run and environment."""
    return {
        f"{path.parent.name}/{path.stem}": _timeless(json.loads(path.read_text(encoding="utf-8")))
        for path in sorted(store_of(folder).glob("records/*/*.json"))
    }


def _timeless(record: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in record.items() if name not in TIMES}


def whole(folder: Path) -> dict[tuple[str, str], tuple[int, int]]:
    """(stage, key) of every artifact that counts -> which file its descriptor is, and when that was written."""
    found = {}
    for path in store_of(folder).glob(f"*/*/{DESCRIPTOR}"):
        if not path.parent.name.startswith("."):
            status = path.stat()
            found[path.parent.parent.name, path.parent.name] = (status.st_ino, status.st_mtime_ns)
    return found

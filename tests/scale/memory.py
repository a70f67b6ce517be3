"""The most memory that embed and retrieve hold: sampled while they run over synthetic passages."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from experiments.bench.vectors import STATIC
from experiments.execution import Execution
from experiments.stages.embed import embed
from experiments.stages.retrieve import retrieve
from experiments.store import Store
from tests.scale.vectors import WORDS, synthetic_collection

DEPTH = 100
EVERY = 0.05
"""Seconds between two samples."""


def trial(documents: int, *, queries: int) -> dict[str, Any]:
    """Peak memory of each stage, by MiniLM's token embeddings, in this process."""
    collection = synthetic_collection(documents, queries=queries)
    passages = collection.corpus.passages
    execution = Execution(device="cpu", inference_batch_size=256, progress=False)
    with tempfile.TemporaryDirectory(prefix="scale.") as scratch:
        store = Store(Path(scratch))
        vectors = partial(embed, encoder=STATIC, store=store, execution=execution)
        ranking = partial(retrieve, collection, teacher=STATIC, depth=DEPTH, store=store, execution=execution)
        stages = [
            _measured("texts and libraries alone", lambda: vectors(passages[:1], role="document")),
            _measured("embed", lambda: vectors(passages, role="document")),
            _measured("retrieve", lambda: ranking(embed=embed)),
        ]
        dimension = vectors(passages, role="document")[0].shape[1]
    return {
        "passages": documents,
        "words": WORDS,
        "queries": queries,
        "depth": DEPTH,
        "dimension": dimension,
        "shard": execution.shard,
        "stages": stages,
    }


def _measured(name: str, work: Callable[[], object]) -> dict[str, Any]:
    with _sampled() as peak:
        work()
    return {"stage": name, **peak}


@contextmanager
def _sampled() -> Iterator[dict[str, float]]:
    """Peaks in MiB while the block runs: memory of the process's own, and pages of files that it has mapped."""
    peak = {"own_mb": 0.0, "mapped_mb": 0.0}
    over = threading.Event()

    def watch() -> None:
        while True:
            own, mapped = _now()
            peak.update(own_mb=max(peak["own_mb"], own), mapped_mb=max(peak["mapped_mb"], mapped))
            if over.wait(EVERY):
                return

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield peak
    finally:
        over.set()
        thread.join()


def _now() -> tuple[float, float]:
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    fields = dict(line.split(":", 1) for line in lines)
    own, mapped = (float(fields[name].split()[0]) / 1024 for name in ("RssAnon", "RssFile"))
    return round(own), round(mapped)

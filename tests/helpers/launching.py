"""A small sweep as a command line, and the records it leaves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SMALL = (
    "teacher=bm25 student=tiny tracker=none mining.depth=30 train.steps=4 train.batch_size=8 train.query_length=16 "
    "train.passage_length=32 execution.threads=1 execution.progress=false execution.results=null "
    "miner=naive_topk,topk_percpos"
)
"""Two runs of a few seconds each."""


def sweep_command(data: Path, outputs: Path, *more: str) -> list[str]:
    """Arguments for Python that start the small sweep on a BEIR folder."""
    return [
        "-m",
        "experiments.run",
        "-m",
        "data=beir",
        f"data.path={data}",
        *SMALL.split(),
        *more,
        f"outputs={outputs}",
    ]


def records(store: Path) -> dict[str, dict[str, Any]]:
    """What the record of each run says but for where, when and how long: run_id -> fields. One record a run."""
    found: dict[str, dict[str, Any]] = {}
    for path in sorted(store.glob("records/*/*.json")):
        record = json.loads(path.read_text(encoding="utf-8"))
        assert record["run_id"] not in found
        found[record["run_id"]] = {
            name: record[name]
            for name in ("config", "tasks", "mining", "versions", "per_query_digest")
            if name in record
        }
    return found

"""One run through the real command, and what it has left in the store."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from experiments.command.compose import Composer
from experiments.command.quoting import accept
from experiments.run import main


def run_of(root: Path, *arguments: str) -> dict[str, Any]:
    """The record of a run with `outputs` under `root`, with every array of its mined rows under "rows"."""
    given = [*arguments, f"outputs={root}/outputs"]
    assert main(given) == 0
    name = Composer().run(accept(given, many=False)).run_id
    (path,) = (root / "outputs" / "store" / "records" / name).glob("*.json")
    record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    with np.load(root / "outputs" / "store" / "mine" / record["artifacts"]["mine"] / "mined.npz") as mined:
        record["rows"] = dict(mined)
    return record

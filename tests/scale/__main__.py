"""`python -m tests.scale`: memory, rates and recall on this machine, kept as scale.json for the page.

Every part that is named is measured and replaces the one that was kept: memory (synthetic passages through embed and
retrieve), real (a collection of BEIR_HOME), synthetic (vectors around random centres). Seconds are those of a core, so
that other work on the machine does not count.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import faiss
import torch

from experiments.entry import Parser, guarded
from experiments.errors import UserError
from experiments.files import write_json
from experiments.records.environment import describe_environment
from tests.scale.indexes import measure
from tests.scale.memory import trial
from tests.scale.vectors import real, synthetic

PARTS = ("memory", "real", "synthetic")
DIMENSION = 384
"""Of synthetic vectors: MiniLM's."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0, 2 for a mistake."""
    return guarded(lambda: _command(arguments), interrupted="the parts that were measured are kept")


def _command(arguments: Sequence[str] | None) -> int:
    parser = Parser(prog="python -m tests.scale", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)} (default: all)")
    parser.add_argument("--passages", type=int, default=1_000_000, help="of the trial of memory")
    parser.add_argument("--vectors", type=int, default=200_000, help="synthetic ones")
    parser.add_argument("--queries", type=int, default=1000)
    parser.add_argument("--collection", default="squad-chunks", help="of BEIR_HOME")
    parser.add_argument("--store", type=Path, default=Path("outputs/store"), help="for the collection's vectors")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("results/scale"))
    parsed = parser.parse_args(arguments)
    if unknown := set(parsed.parts) - set(PARTS):
        raise UserError(f"{', '.join(sorted(unknown))}: should be of {', '.join(PARTS)}")
    torch.set_num_threads(parsed.threads)
    faiss.omp_set_num_threads(parsed.threads)
    for part in parsed.parts or PARTS:
        found = _measured(part, parsed)
        keep(parsed.out / "scale.json", part, found, threads=parsed.threads)
        print(f"{part}: {json.dumps(found, indent=1)}", flush=True)
    return 0


def _measured(part: str, parsed: argparse.Namespace) -> dict[str, Any]:
    if part == "memory":
        return trial(parsed.passages, queries=parsed.queries)
    if part == "real":
        return measure(real(parsed.collection, parsed.store, queries=parsed.queries))
    return measure(synthetic(parsed.vectors, dimension=DIMENSION, queries=parsed.queries))


def keep(path: Path, part: str, found: dict[str, Any], *, threads: int) -> None:
    """Put one part into the file, with the machine that it was measured on."""
    there = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    machine = describe_environment(device="cpu", threads=threads)
    write_json(path, there | {part: found | {"machine": {name: machine[name] for name in ("processor", "threads")}}})


if __name__ == "__main__":
    sys.exit(main())

"""`python -m tests.drill`: rounds of every kind in turn, told as they end and kept as drill.json for the page."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

os.environ.update(OMP_NUM_THREADS="1", HF_HUB_OFFLINE="1")

from analysis.drill import Round
from experiments.files import write_json
from tests.drill.rounds import KINDS, can_mount, play
from tests.drill.sweep import Sweep, Undisturbed, undisturbed

SEEDS = 1
"""Of the sweep: two runs."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code: 0 when every round left what the undisturbed sweep left, else 1."""
    parser = argparse.ArgumentParser(prog="python -m tests.drill", description=__doc__)
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kind", choices=KINDS, help="this kind only")
    parser.add_argument("--out", type=Path, help="folder for drill.json")
    parsed = parser.parse_args(arguments)
    kinds = [parsed.kind] if parsed.kind else [KINDS[i % len(KINDS)] for i in range(parsed.rounds)]
    kinds = kinds * parsed.rounds if parsed.kind else kinds
    root = Path(tempfile.mkdtemp(prefix="drill."))
    found = drill(kinds, seed=parsed.seed, root=root, seeds=SEEDS, out=parsed.out)
    faulty = [one for one in found if one.faults]
    if not faulty:
        shutil.rmtree(root)
    print(f"{len(found)} rounds, {len(faulty)} with faults" + (f" (kept in {root})" if faulty else ""))
    return 1 if faulty else 0


def drill(kinds: Sequence[str], *, seed: int, root: Path, seeds: int, out: Path | None = None) -> list[Round]:
    """One round of each kind, in order, kept in `out`. Drivers take one thread each, and nothing from a hub."""
    os.environ.update(OMP_NUM_THREADS="1", HF_HUB_OFFLINE="1")
    sweep = Sweep.make(root, seeds=seeds)
    clean = undisturbed(sweep, root / "undisturbed")
    print(f"undisturbed: {len(clean.records)} runs, {len(clean.begun)} artifacts, {clean.seconds:.0f} s", flush=True)
    rounds: list[Round] = []
    for number, kind in enumerate(kinds, 1):
        one = play(number, kind, sweep=sweep, clean=clean, folder=root / f"round{number}", seed=seed)
        print(f"{number}/{len(kinds)} {_told(one)}", flush=True)
        rounds.append(one)
        if out is not None:
            write_json(out / "drill.json", _facts(clean, rounds, seed=seed))
    return rounds


def _facts(clean: Undisturbed, rounds: Sequence[Round], *, seed: int) -> dict[str, Any]:
    return {
        "seed": seed,
        "runs": len(clean.records),
        "artifacts": len(clean.begun),
        "undisturbed_seconds": round(clean.seconds, 1),
        "full_disk": "a file system of a drawn size" if can_mount() else "a limit on the size of files",
        "rounds": [one.model_dump(mode="json") for one in rounds],
    }


def _told(one: Round) -> str:
    codes = " ".join("hung" if code is None else str(code) for code in one.ended)
    head = f"{one.kind:<24} at {one.moment}: exit {codes}, {one.recorded} recorded, {one.artifacts} whole"
    tail = f"resumed {one.resumed}, damaged {one.damaged}, {one.seconds:.0f} s"
    return "\n    ".join([f"{head}, {tail}", *one.faults])


if __name__ == "__main__":
    sys.exit(main())

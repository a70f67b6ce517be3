"""Shared work first: one job makes a teacher's encoding, and the runs that need it start when it is there.

Else as many runs as there are workers would begin with the same encoding: one makes it, the others wait on its lock
while runs that need none of it wait for a worker.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from experiments.command.build import Composed
from experiments.command.overrides import for_hydra, write_value
from experiments.config.shared import shared_work


@dataclass(frozen=True)
class Staged:
    """preparing: override lists of the jobs that go first. after: run_id -> names of those that the run needs."""

    preparing: tuple[list[str], ...] = ()
    after: dict[str, list[str]] = field(default_factory=dict)


def staged(runs: Sequence[tuple[Composed, Sequence[str]]]) -> Staged:
    """A job for each piece of work that several of the runs (with their overrides) share.

    Such a job makes everything that its run shares with others, so that a teacher and a guide need one job only.
    """
    needs = {run.run_id: shared_work(run.config) for run, _ in runs}
    counts = Counter(piece for pieces in needs.values() for piece in pieces)
    maker: dict[str, str] = {}
    preparing = []
    for run, overrides in runs:
        pieces = {piece for piece in needs[run.run_id] if counts[piece] > 1}
        if not pieces <= maker.keys():
            name = f"shared-{run.run_id}"
            preparing.append([*map(for_hydra, overrides), "prepare=true", f"run_name={write_value(name)}"])
            maker |= dict.fromkeys(sorted(pieces - maker.keys()), name)
    after = {run_id: sorted({maker[piece] for piece in pieces if piece in maker}) for run_id, pieces in needs.items()}
    return Staged(tuple(preparing), after)

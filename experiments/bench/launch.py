"""Four short runs side by side in two workers, beside the same runs one after another."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from experiments.bench.commands import call
from experiments.bench.values import Case, Given, Sides

RUNS = (
    "miner=random,naive_topk,topk_abs,topk_percpos",
    "data.passages=300",
    "data.train_queries=48",
    "data.test_queries=50",
    "data.dev_queries=0",
    "teacher=static",
    "student=tiny",
    "train.steps=60",
    "tracker=none",
    "execution.results=null",
    "execution.threads=1",
)


def cases(_given: Given) -> Sequence[Case]:
    """By the clock, since that is what workers are for: an idle machine with two cores gives a fair figure."""
    peer = "the same command without a launcher"
    return [Case("four short runs, two workers", _prepare, peer, target=1.7, clock="wall", memory=False)]


def _prepare(given: Given) -> Sides:
    def sweep(name: str, *more: str) -> Callable[[int], None]:
        return lambda turn: call(
            "experiments.run", ["-m", *RUNS, f"outputs={(given.scratch / f'{name}{turn}').as_posix()}", *more]
        )

    return Sides(sweep("parallel", "hydra/launcher=parallel", "hydra.launcher.n_jobs=2"), sweep("serial"), warm=False)

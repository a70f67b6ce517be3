"""Four short runs side by side in two workers, beside the same runs one after another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from experiments.bench.commands import call
from experiments.bench.turns import in_turns
from experiments.bench.values import Case, Given, Sides

MINERS = "miner=random,naive_topk,topk_abs,topk_percpos"
STEPS, QUICK = 60, 2
RUN = (
    "data.passages=300",
    "data.train_queries=48",
    "data.test_queries=50",
    "data.dev_queries=0",
    "teacher=static",
    "student=tiny",
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
        return lambda turn: call("experiments.run", ["-m", MINERS, *_run(given, f"{name}{turn}"), *more])

    parallel = sweep("parallel", "hydra/launcher=parallel", "hydra.launcher.n_jobs=2")
    return Sides(parallel, sweep("serial"), limit=lambda _spent: _two_at_once(given), warm=False)


def _two_at_once(given: Given) -> str:
    """What the machine itself gives for two runs that share nothing."""

    def run(name: str) -> None:
        call("experiments.run", ["miner=naive_topk", *_run(given, name)])

    def at_once(_turn: int) -> None:
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(run, ("one", "other")))

    def in_line(_turn: int) -> None:
        run("first")
        run("second")

    spent, _ = in_turns(Sides(at_once, in_line, warm=False), rounds=1)
    times = spent["peer"][0].wall / spent["ours"][0].wall
    return f"two such runs started at once, each a command of its own, are {times:.2f} times as fast as in line"


def _run(given: Given, name: str) -> list[str]:
    steps = QUICK if given.quick else STEPS
    return [*RUN, f"train.steps={steps}", f"outputs={(given.scratch / name).as_posix()}"]

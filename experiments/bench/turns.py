"""Both sides of a case in turns, in a process of their own."""

from __future__ import annotations

import logging
import multiprocessing
import resource
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from multiprocessing.connection import Connection
from statistics import median
from typing import Any, Literal

import numpy as np

from experiments.bench.values import Case, Clock, Curve, Given, Measured, Sides, Sizes, Spent
from experiments.errors import UserError, one_line
from experiments.models.device import is_cuda
from experiments.records.environment import peak_memory_mb, use_threads

STAGES = ("search", "threshold", "encode", "train", "evaluate", "commands", "folder", "launch", "scaling")
"""Modules of this package that hold cases."""

Side = Literal["ours", "peer"]


def cases_of(stage: str, given: Given) -> Sequence[Case | Sizes]:
    """The cases of a stage, in the order of the table."""
    found: Sequence[Case | Sizes] = import_module(f"experiments.bench.{stage}").cases(given)
    return found


def measure(stage: str, place: int, given: Given) -> Measured | Curve:
    """One case of a stage. Raises UserError for what its process could not do."""
    case = cases_of(stage, given)[place]
    if isinstance(case, Sizes):
        curve: Curve = _apart(_curve, stage, place, given)
        return curve
    found: Measured = _apart(_compared, stage, place, given)
    if case.waited or not (case.memory and given.memory):
        return found
    peaks = {side: _apart(partial(_alone, side=side), stage, place, given) for side in _sides(found)}
    return found.model_copy(update={f"{side}_mb": peak for side, peak in peaks.items()})


def _sides(found: Measured) -> tuple[Side, ...]:
    return ("ours",) if found.peer is None else ("ours", "peer")


def _apart(work: Callable[[str, int, Given], Any], stage: str, place: int, given: Given) -> Any:
    """What `work` gives in a fresh process, so that no case warms another one or adds to its memory."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_child, args=(there, work, stage, place, given))
    process.start()
    there.close()
    try:
        ok, found = here.recv()
    except EOFError:
        process.join()
        raise UserError(
            f"bench {stage}: the process that measured it ended with exit code {process.exitcode}: if its memory "
            "was full, leave the stage out"
        ) from None
    process.join()
    if not ok:
        raise UserError(f"bench {stage}: {found}")
    return found


def _child(answer: Connection, work: Callable[[str, int, Given], Any], stage: str, place: int, given: Given) -> None:
    use_threads(given.threads)
    if find_spec("faiss") is not None:
        import faiss

        faiss.omp_set_num_threads(given.threads)
    try:
        answer.send((True, work(stage, place, given)))
    except UserError as error:
        answer.send((False, str(error)))
    # Whatever else ends a case is told by the command, too.
    except Exception as error:
        logging.getLogger("traceback").exception("the case failed")
        answer.send((False, one_line(error)))


def _compared(stage: str, place: int, given: Given) -> Measured:
    case = cases_of(stage, given)[place]
    assert isinstance(case, Case)
    sides = case.prepare(given)
    clock: Clock = "wall" if is_cuda(given.device) else case.clock
    rounds = 1 if case.once else given.rounds
    spent, last = in_turns(sides, rounds=rounds)
    ours, peer = _median(spent["ours"]), _median(spent["peer"]) if spent["peer"] else None
    pairs = zip(spent["ours"], spent["peer"], strict=False)
    times = [other.seconds(clock) / own.seconds(clock) for own, other in pairs]
    remembered = case.waited and case.memory and given.memory
    return Measured(
        stage=stage,
        case=case.name,
        ours=ours,
        peer=peer,
        against=case.against,
        clock=clock,
        rounds=rounds,
        times=round(median(times), 3) if times else None,
        ours_mb=round(peak_memory_mb(resource.RUSAGE_CHILDREN)) if remembered else None,
        peer_mb=None,
        target=case.target if times or case.against is None else None,
        agreement=sides.agreement(last["ours"], last["peer"]) if sides.agreement and sides.peer else None,
        limit=sides.limit(ours) if sides.limit else None,
        documents=case.documents,
    )


def in_turns(sides: Sides, *, rounds: int) -> tuple[dict[Side, list[Spent]], dict[Side, Any]]:
    """What each round of each side took, ours first, and the last results."""
    work: Mapping[Side, Callable[[int], Any] | None] = {"ours": sides.ours, "peer": sides.peer}
    spent: dict[Side, list[Spent]] = {"ours": [], "peer": []}
    last: dict[Side, Any] = {}
    for turn in range(0 if not sides.warm else -1, rounds):
        for side, call in work.items():
            if call is None:
                continue
            before = _now()
            last[side] = call(turn)
            if turn >= 0:
                spent[side].append(Spent(**{name: max(_now()[name] - at, 1e-9) for name, at in before.items()}))
    return spent, last


def _now() -> dict[str, float]:
    """Seconds of CPU time of this process and of those it has waited for, and on the clock."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return {"cpu": sum(one.ru_utime + one.ru_stime for one in used), "wall": time.perf_counter()}


def _median(spent: Sequence[Spent]) -> Spent:
    return Spent(cpu=round(median(one.cpu for one in spent), 4), wall=round(median(one.wall for one in spent), 4))


def _alone(stage: str, place: int, given: Given, *, side: Side) -> float:
    """The most memory, MiB, of a process that prepares the case and does one side once."""
    case = cases_of(stage, given)[place]
    assert isinstance(case, Case)
    call = getattr(case.prepare(given), side)
    call(0)
    return round(peak_memory_mb())


def _curve(stage: str, place: int, given: Given) -> Curve:
    sizes = cases_of(stage, given)[place]
    assert isinstance(sizes, Sizes)
    points = []
    for size in sizes.sizes:
        spent, _ = in_turns(Sides(sizes.prepare(given, size), warm=False), rounds=given.rounds)
        points.append((size, _median(spent["ours"]).seconds("wall" if is_cuda(given.device) else "cpu")))
    return Curve(what=sizes.what, axis=sizes.axis, points=tuple(points), slope=slope(points))


def slope(points: Sequence[tuple[int, float]]) -> float:
    """The exponent b of seconds = a * size**b that fits the points best, in logarithms."""
    sizes, seconds = (np.log(np.asarray(values, dtype=np.float64)) for values in zip(*points, strict=True))
    return round(float(np.polyfit(sizes, seconds, 1)[0]), 3)

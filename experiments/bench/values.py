"""What a case of the bench is, what is known when it runs, and what is kept of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from experiments.config import Value

Clock = Literal["cpu", "wall"]

FILE = "bench.json"
MEASURE = "python -m experiments.bench"
"""The file of a kind of machine, and the command that makes it."""


class Given(Value):
    """How the bench was asked to measure.

    collection: in BEIR form under BEIR_HOME, None = docstrings. quick: small sizes, for tests. scratch: a folder that
    is removed at the end. threads: of torch and faiss. memory: whether peak memory is measured, too, in more processes.
    """

    scratch: Path
    collection: str | None
    beir_home: Path | None
    device: str
    threads: int
    rounds: int
    quick: bool
    memory: bool = True


class Spent(Value):
    """Medians over rounds: seconds of all cores (processes that were waited for included), and on the clock."""

    cpu: float
    wall: float

    def seconds(self, clock: Clock) -> float:
        """Those that count."""
        return self.cpu if clock == "cpu" else self.wall


class Measured(Value):
    """One case: ours beside a peer, or alone.

    times: the median over rounds of peer / ours by `clock`, None without a peer. *_mb: the most memory (MiB) of a
    process that did one side alone, a command's where it is one; None where it was not measured. target: at least so
    many times as fast as the peer, without a peer at most so many seconds. agreement: what both sides' results have in
    common. limit: what bounds the case, measured. documents: how many there are, where that is what memory depends on.
    """

    stage: str
    case: str
    ours: Spent
    peer: Spent | None
    against: str | None
    clock: Clock
    rounds: int
    times: float | None
    ours_mb: float | None
    peer_mb: float | None
    target: float | None
    agreement: str | None
    limit: str | None
    documents: int | None = None

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None where there is none."""
        if self.target is None:
            return None
        return self.ours.seconds(self.clock) <= self.target if self.times is None else self.times >= self.target


class Curve(Value):
    """Seconds of one kind of work against its size, of CPU time, on a GPU on the clock.

    slope: of a line through the logarithms, least squares.
    """

    what: str
    axis: str
    points: tuple[tuple[int, float], ...]
    slope: float


class Machine(Value):
    """Where it was measured. gemm: 1e9 multiplications and additions a second of a square product, by precision.

    load: the mean number of running processes over the last minute, when the bench began.
    """

    processor: str
    matrix_units: tuple[str, ...]
    device: str
    threads: int
    cores: int
    gemm: dict[str, float]
    load: float
    packages: dict[str, str]


class Bench(Value):
    """All that was measured on one machine."""

    machine: Machine
    measured: tuple[Measured, ...] = ()
    curves: tuple[Curve, ...] = ()


@dataclass(frozen=True)
class Sides:
    """Work that is repeated: each is called with the round's number, from 0; `warm` is not measured.

    agreement: of both results of the last round, one line. limit: of the seconds of ours, one line.
    """

    ours: Callable[[int], Any]
    peer: Callable[[int], Any] | None = None
    agreement: Callable[[Any, Any], str] | None = None
    limit: Callable[[Spent], str] | None = None
    warm: bool = True


@dataclass(frozen=True)
class Case:
    """One row of the table: `prepare` makes its sides.

    clock: on a GPU that on the wall counts whatever stands here. memory: whether that of each side is measured, in a
    process of its own. waited: a command without a peer, whose memory is known when it has ended. once: in one round,
    for what takes minutes. documents: as in `Measured`.
    """

    name: str
    prepare: Callable[[Given], Sides]
    against: str | None = None
    target: float | None = None
    clock: Clock = "cpu"
    memory: bool = True
    waited: bool = False
    once: bool = False
    documents: int | None = None


@dataclass(frozen=True)
class Sizes:
    """Work of growing size: `prepare` makes it for one size."""

    what: str
    axis: str
    sizes: tuple[int, ...]
    prepare: Callable[[Given, int], Callable[[int], Any]]

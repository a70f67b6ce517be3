"""The machine that a bench ran on: its units, and how fast it multiplies matrices."""

from __future__ import annotations

import os
import time

from experiments.bench.values import Machine
from experiments.models.device import is_cuda
from experiments.records.environment import describe_environment, use_threads

SIZE = 2048
"""Rows and columns of the matrices that are multiplied."""
REPEATS = 8


def describe(*, device: str, threads: int) -> Machine:
    """Processor, units, threads, load now, and the rate of a matrix product in each precision."""
    found = describe_environment(device=device, threads=threads)
    use_threads(threads)
    return Machine(
        processor=found["processor"],
        matrix_units=tuple(found["matrix_units"]),
        device=found["device"],
        threads=threads,
        cores=len(os.sched_getaffinity(0)),
        gemm={precision: gemm(precision, device) for precision in ("fp32", "bf16")},
        load=round(os.getloadavg()[0], 1),
        packages=found["packages"],
    )


def gemm(precision: str, device: str) -> float:
    """1e9 operations a second of the best of some square products."""
    import torch

    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    left, right = (torch.randn(SIZE, SIZE, device=device, dtype=dtype) for _ in range(2))

    def once() -> float:
        started = time.perf_counter()
        left @ right
        if is_cuda(device):
            torch.cuda.synchronize(device)
        return time.perf_counter() - started

    return round(2 * SIZE**3 / min(once() for _ in range(REPEATS)) / 1e9, 1)


def kind(machine: Machine) -> str:
    """A folder's name for machines like this one: its card, else its best unit for matrices, and the threads."""
    if machine.device.startswith("cuda"):
        return "".join(letter if letter.isalnum() else "_" for letter in machine.device.lower()).strip("_")
    unit = machine.matrix_units[0] if machine.matrix_units else "plain"
    return f"{unit}_{machine.threads}_thread{'s' if machine.threads > 1 else ''}"

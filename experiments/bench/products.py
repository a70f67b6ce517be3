"""Matrix products: what of some work they are, and what they would take alone."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch

from experiments.bench.silent import silent
from experiments.ir import Scores

PRODUCTS = {"aten::mm", "aten::addmm", "aten::bmm", "aten::baddbmm"}
QUERIES = 1 << 10
BLOCK = 1 << 13
"""Queries and documents that are multiplied at once."""


def share_of_products(work: Callable[[], object]) -> float:
    """Which share of the time of torch's operations in `work` is that of matrix products."""
    from torch.profiler import profile

    with silent(), profile() as profiled:
        work()
    events = profiled.key_averages()
    total = sum(event.self_cpu_time_total for event in events)
    return float(sum(event.self_cpu_time_total for event in events if event.key in PRODUCTS) / total)


def seconds_in_bf16(queries: Scores, documents: Scores) -> float:
    """CPU seconds of all products (Q, d) by (N, d) in bf16, nothing done with them; from one chunk of queries."""
    left = torch.from_numpy(queries[:QUERIES]).bfloat16()
    right = torch.from_numpy(documents).bfloat16()
    room = torch.empty(BLOCK * len(left), dtype=torch.bfloat16)
    started = time.process_time()
    for start in range(0, len(right), BLOCK):
        block = right[start : start + BLOCK]
        torch.mm(block, left.T, out=room[: len(block) * len(left)].view(len(block), len(left)))
    return (time.process_time() - started) * len(queries) / len(left)

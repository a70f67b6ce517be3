"""Chunks of rows on several threads; each takes whole chunks, so that what NumPy does in them is shared out too."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor


def each_chunk(work: Callable[[slice], None], chunks: Iterable[slice]) -> None:
    """Call `work` for each chunk, on as many threads as torch has, each with one. Raises what `work` raises."""
    import torch

    threads = torch.get_num_threads()
    if threads == 1:
        for chunk in chunks:
            work(chunk)
        return
    torch.set_num_threads(1)
    try:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(work, chunks))
    finally:
        torch.set_num_threads(threads)

"""Generous bounds on what the exact search costs beside faiss's flat index, in CPU seconds taken in turns."""

import time
from collections.abc import Callable

import numpy as np
import pytest
import torch

from experiments.teachers.search import in_halves, search_inner_product
from tests.teachers.test_search import vectors

ROUNDS = 3


def seconds(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


def test_the_exact_search_costs_no_multiple_of_faiss() -> None:
    """Synthetic vectors. Scoring every pair anew by gathering it made this 4 to 5 times faiss's cost."""
    faiss = pytest.importorskip("faiss")
    queries, documents = vectors(1, 2000, 256), vectors(2, 8000, 256)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    faiss.omp_set_num_threads(1)

    def peer() -> None:
        index = faiss.IndexFlatIP(256)
        index.add(documents)
        index.search(queries, 128)

    def ours() -> None:
        search_inner_product(queries, documents, 128, device="cpu")

    try:
        ours()
        pairs = [(seconds(ours), seconds(peer)) for _ in range(ROUNDS)]
    finally:
        torch.set_num_threads(threads)
        faiss.omp_set_num_threads(threads)
    own, other = np.median(pairs, axis=0)
    assert own < (2.0 if in_halves(queries, documents, 128, device="cpu") else 3.0) * other, pairs

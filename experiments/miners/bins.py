"""Fixed bins, the same for every run, so that histograms of different runs add up.

Ranks are raw and 1-based. Scores and gaps have bins of 0.05 within [-1, 1], where cosines live, and ever wider ones
outside for logits and BM25. What lies beyond the outer edges counts in the outer bins.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt

from experiments.records.mining import Histogram, RateBin

_OUTER = (1.5, 2.0, 3.0, 5.0, 7.0, 10.0, 15.0, 20.0, 30.0, 50.0, 100.0, 1000.0)
_INNER = tuple(round(i / 20, 2) for i in range(-20, 21))
SCORE_EDGES: tuple[float, ...] = (*(-edge for edge in reversed(_OUTER)), *_INNER, *_OUTER)
RANK_EDGES: tuple[float, ...] = (*range(1, 11), 15, 20, 30, 50, 70, 100, 150, 200, 300, 500, 1000, 10000)


def histogram(values: npt.NDArray[np.generic], edges: tuple[float, ...]) -> Histogram:
    """Counts of the values in each bin."""
    counts = np.bincount(bin_of(values, edges), minlength=len(edges) - 1)
    return Histogram(edges=edges, counts=tuple(counts.tolist()))


def bin_of(values: npt.NDArray[np.generic], edges: tuple[float, ...]) -> npt.NDArray[np.int64]:
    """The bin of each value; edges are rounded as the values are, so that a float32 0.7 lies in the bin from 0.7."""
    rounded = np.asarray(edges, dtype=values.dtype)
    return np.clip(np.searchsorted(rounded, values, side="right") - 1, 0, len(edges) - 2)


def rates(
    bins: npt.NDArray[np.integer], known_false: npt.NDArray[np.bool_], labels: tuple[str, ...]
) -> tuple[RateBin, ...]:
    """Known false negatives in each bin that holds any negative."""
    mined = np.bincount(bins, minlength=len(labels))
    false = np.bincount(bins[known_false], minlength=len(labels))
    return tuple(
        RateBin(label=label, mined=int(m), known_false=int(f))
        for label, m, f in zip(labels, mined, false, strict=True)
        if m
    )


def range_labels(edges: tuple[float, ...]) -> tuple[str, ...]:
    """Names of the bins, such as "0.5 to 0.55"."""
    return tuple(f"{low:g} to {high:g}" for low, high in pairwise(edges))

"""Seeded draws that depend on what is drawn for, never on the order or number of other draws.

A draw is a hash of (seed, key, key, ...), so arms that look at the same pair share its draw, and a longer list of
candidates leaves the draws of the shorter one as they were.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def hash_keys(seed: int, *keys: npt.NDArray[np.integer]) -> npt.NDArray[np.uint64]:
    """Broadcast the non-negative `keys` and mix them with `seed`: SplitMix64 (Steele et al., 2014), key by key."""
    state = _mix(np.asarray(seed, dtype=np.uint64))
    for key in keys:
        state = _mix(state ^ key.astype(np.uint64))
    return state


def uniform(seed: int, *keys: npt.NDArray[np.integer]) -> npt.NDArray[np.float64]:
    """Draws in [0, 1), one for each combination of the broadcast keys."""
    return (hash_keys(seed, *keys) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def gumbel(seed: int, *keys: npt.NDArray[np.integer]) -> npt.NDArray[np.float64]:
    """Standard Gumbel draws: the k largest of score + gumbel are a softmax sample without replacement."""
    open_interval = uniform(seed, *keys) + 2.0**-54
    return np.asarray(-np.log(-np.log(open_interval)))


def _mix(state: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    with np.errstate(over="ignore"):
        state = state + _GOLDEN
        state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return np.asarray(state ^ (state >> np.uint64(31)))

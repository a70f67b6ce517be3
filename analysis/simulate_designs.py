"""The designs that the simulation tries: how many seeds and queries, what varies, which queries belong together."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Literal

import numpy as np

from analysis.clusters import Labels

By = Literal["query", "group"]
SEEDS, QUERIES, SHAPES = (3, 5), (300, 3000), ("gaussian", "skewed")
SEED_SPREAD = {"none": 0.0, "small": 0.003, "large": 0.012}
"""Standard deviation between seeds of one arm's mean nDCG@10."""
SIZES = {"threes": (3,), "unequal": (1, 1, 1, 3, 9), "threes, nothing shared": (3,)}
"""Sizes of groups, repeated until all queries have one."""
TEN = "ten"
"""Ten groups, sizes in proportion to 1, 2, ..., 10."""


@dataclass(frozen=True)
class Design:
    """One row of the simulation. groups: "alone" (every query by itself), TEN or a key of SIZES."""

    shape: str
    seeds: int
    queries: int
    seed_variance: str
    groups: str = "alone"

    @property
    def labels(self) -> Labels:
        """(Q,) the group of each query, 0 to G - 1, ascending."""
        if self.groups == "alone":
            return np.arange(self.queries)
        if self.groups == TEN:
            ends = np.rint(np.cumsum(np.arange(1, 11)) * self.queries / 55)
            return np.searchsorted(ends, np.arange(self.queries), side="right")
        sizes = np.tile(SIZES[self.groups], self.queries)
        return np.repeat(np.arange(len(sizes)), sizes)[: self.queries]

    @property
    def shared(self) -> Labels:
        """(Q,) which queries have the same query effect."""
        return np.arange(self.queries) if self.groups.endswith("nothing shared") else self.labels

    @property
    def units(self) -> dict[By, int]:
        """How many queries, and groups where there are any, an interval's query term is over."""
        units: dict[By, int] = {"query": self.queries}
        return units if self.groups == "alone" else {**units, "group": int(self.labels[-1]) + 1}


def designs() -> list[Design]:
    """Every combination in use with independent queries."""
    return [Design(*values) for values in itertools.product(SHAPES, SEEDS, QUERIES, SEED_SPREAD)]


def grouped_designs() -> list[Design]:
    """Queries in groups: those that share, few groups, and groups that mean nothing."""
    usual = itertools.product(SHAPES, SEEDS, QUERIES, ("none", "large"), ("threes", "unequal"))
    edge = itertools.product(SHAPES, SEEDS, (300,), ("none",), (TEN, "threes, nothing shared"))
    return [Design(*values) for values in (*usual, *edge)]

"""How deep a teacher must search for what mining will ask of it."""

from __future__ import annotations

from experiments.config import MiningConfig
from experiments.ir import Collection
from experiments.miners.exclusions import most_exclusions

STEP = 64
"""Depths are rounded up to a multiple, so that small differences between runs share one search."""


def fetch_depth(collection: Collection, *, mining: MiningConfig, ignore_identical_ids: bool = False) -> int:
    """How many candidates to fetch per query: `depth` after the exclusions, and `positive_within` before them.

    The same for every method, threshold, seed, `positives` and `reveal`, so that all of them share one search: what
    `positives` hides may be revealed, so the depth allows for every judged document.
    """
    excluded = most_exclusions(
        collection, ignore_identical_ids=ignore_identical_ids, same_group=mining.same_group == "exclude"
    )
    asked = max(mining.depth + excluded, mining.positive_within or 0)
    return min(-(-asked // STEP) * STEP, max(1, int(collection.minable.sum())))

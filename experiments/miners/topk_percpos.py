"""TopK-PercPos: candidates below a fraction of the positive's score."""

from __future__ import annotations

import numpy as np

from experiments.ir import Scores
from experiments.miners.rule import Rule


def rule(anchor: Scores, threshold: float) -> Rule:
    """The bar is the (R,) anchor score times the threshold.

    Written as anchor - |anchor| * (1 - threshold), so that the bar of a negative score lies below it as well.
    """
    wide = anchor.astype(np.float64)
    return Rule(bar=(wide - np.abs(wide) * (1.0 - threshold)).astype(np.float32))

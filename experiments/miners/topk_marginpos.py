"""TopK-MarginPos: candidates below the positive's score by a margin."""

from __future__ import annotations

import numpy as np

from experiments.ir import Scores
from experiments.miners.rule import Rule


def rule(anchor: Scores, threshold: float) -> Rule:
    """The bar is the (R,) anchor score less the threshold."""
    return Rule(bar=(anchor.astype(np.float64) - threshold).astype(np.float32))

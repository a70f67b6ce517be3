"""TopK-Abs: candidates below an absolute score."""

from __future__ import annotations

import numpy as np

from experiments.ir import Scores
from experiments.miners.rule import Rule


def rule(anchor: Scores, threshold: float) -> Rule:
    """The bar is the threshold, whatever the (R,) anchor scores."""
    return Rule(bar=np.full_like(anchor, threshold))

"""From a miner's config to the rule that it stands for."""

from __future__ import annotations

from experiments.config import MinerConfig, NaiveTopK, RandomMiner, TopKAbs, TopKMarginPos, TopKPercPos, TopKShifted
from experiments.ir import Scores
from experiments.miners import naive_topk, topk_abs, topk_marginpos, topk_percpos, topk_shifted
from experiments.miners.rule import Rule


def rule_of(miner: MinerConfig, anchor: Scores) -> Rule | None:
    """The rule for rows with these (R,) anchor scores; None for random, which ranks nothing."""
    match miner:
        case NaiveTopK():
            return naive_topk.rule()
        case TopKShifted(shift=shift):
            return topk_shifted.rule(shift)
        case TopKAbs(threshold=threshold):
            return topk_abs.rule(anchor, threshold)
        case TopKMarginPos(threshold=threshold):
            return topk_marginpos.rule(anchor, threshold)
        case TopKPercPos(threshold=threshold):
            return topk_percpos.rule(anchor, threshold)
        case RandomMiner():
            return None

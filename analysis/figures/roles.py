"""Which arm plays which part, read from the runs' configs and not from the arms' names."""

from __future__ import annotations

from analysis.load import FinishedRun, Study
from experiments.config import RunConfig

PAPER = {"topk_percpos": 0.95, "topk_marginpos": 0.05, "topk_abs": 0.7, "topk_shifted": 10.0}
"""miner kind -> the paper's optimum (PAPER Table 3)."""


def miner_value(config: RunConfig) -> float | None:
    """The method's own parameter: threshold or shift."""
    miner = config.miner
    match miner.kind:
        case "topk_shifted":
            return float(miner.shift)
        case "topk_abs" | "topk_marginpos" | "topk_percpos":
            return float(miner.threshold)
    return None


def find_arm(study: Study, block: str, *, kind: str, reveal: float, common: bool) -> str | None:
    """The first trained arm with this miner (at the paper's value), share revealed and view; None without one."""
    for arm in study.plan.arms(block):
        for run in study.cell(block, arm).values():
            if _plays(run, kind=kind, reveal=reveal, common=common):
                return arm
    return None


def _plays(run: FinishedRun, *, kind: str, reveal: float, common: bool) -> bool:
    config = run.config
    return (
        not run.deterministic
        and config.miner.kind == kind
        and miner_value(config) in (None, PAPER.get(kind))
        and config.mining.reveal == reveal
        and bool(config.mining.common_with) == common
    )

"""Which arm plays which part, read from the runs' configs and not from the arms' names."""

from __future__ import annotations

from analysis.load import FinishedRun, Study
from experiments.config import RunConfig
from experiments.miners.methods import METHODS


def optimum(kind: str) -> float | None:
    """The paper's best value of a method; None for a method without a parameter or unknown to the paper."""
    return METHODS[kind].optimum


def miner_value(config: RunConfig) -> float | None:
    """The method's own parameter (threshold, shift, ...); None for a method without one."""
    return METHODS[config.miner.kind].value(config.miner)


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
        and miner_value(config) in (None, optimum(kind))
        and config.mining.reveal == reveal
        and bool(config.mining.common_with) == common
    )

"""Which arm plays which part, read from the runs' configs and not from the arms' names."""

from __future__ import annotations

from typing import Any

from analysis.load import FinishedRun, Study
from experiments.config import FalseNegatives, RunConfig
from experiments.miners.methods import METHODS


def optimum(kind: str) -> float | None:
    """The paper's best value of a method; None for a method without a parameter or unknown to the paper."""
    return METHODS[kind].optimum


def miner_value(config: RunConfig) -> float | None:
    """The method's own parameter (threshold, shift, ...); None for a method without one."""
    return METHODS[config.miner.kind].value(config.miner)


def find_arm(
    study: Study, block: str, *, kind: str, reveal: float, common: bool, false_negatives: FalseNegatives = "remove"
) -> str | None:
    """The first trained arm with this miner (at the paper's value), share revealed and view; None without one.

    false_negatives: what it does about the revealed ones.

    In everything else that decides what is mined it is like the study's baseline.
    """
    baseline = study.cell(block, study.plan.declaration.baseline_name)
    like = next((_rest(run) for run in baseline.values() if not run.deterministic), None)
    for arm in study.plan.arms(block):
        for run in study.cell(block, arm).values():
            plays = _plays(run, kind=kind, reveal=reveal, common=common)
            treats = run.config.mining.false_negatives == false_negatives
            if plays and treats and like in (None, _rest(run)):
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


def _rest(run: FinishedRun) -> dict[str, Any]:
    """What is mined from and how, less what `find_arm` asks for."""
    return run.config.model_dump(include={"data": True, "teacher": True, "mining": True, "train": True}) | {
        "mining": run.config.mining.model_dump(exclude={"reveal", "common_with", "false_negatives"})
    }

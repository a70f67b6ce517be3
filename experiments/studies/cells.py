"""The runs that a study asks for, in the order in which they run. Nothing here composes a config or starts a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from experiments.studies.declaration import Arm, Choose, Declaration

TIE = 1e-12


@dataclass(frozen=True)
class Cell:
    """One run that a study asks for.

    stages: group of the config -> (block, arm, seed) of the run whose student it is. waits: the arms whose chosen value
    it needs; value: what phase 1 tries.
    """

    block: str
    arm: str
    seed: int
    phase: Literal[1, 2]
    overrides: tuple[str, ...]
    rows_of: tuple[str, ...] = ()
    stages: tuple[tuple[str, tuple[str, str, int]], ...] = ()
    waits: tuple[str, ...] = ()
    value: float | int | str | None = None

    @property
    def title(self) -> str:
        """How people are told about it."""
        tried = "" if self.value is None else f" = {self.value}"
        return f"{self.block} / {self.arm}{tried} / seed {self.seed}"


def phase_one(study: Declaration) -> list[Cell]:
    """The dev runs: seed by seed, then block, arm, value."""
    cells = []
    for seed in sorted({seed for choose in study.choose.values() for seed in _choose_seeds(study, choose)}):
        for block in study.blocks:
            for name in study.arms_of(block):
                choose = study.choose.get(name)
                if choose is None or seed not in _choose_seeds(study, choose):
                    continue
                cells += [_dev_cell(study, block, name, seed, value) for value in choose.values]
    return cells


def _choose_seeds(study: Declaration, choose: Choose) -> tuple[int, ...]:
    return study.seeds if choose.seeds is None else choose.seeds


def _dev_cell(study: Declaration, block: str, arm: str, seed: int, value: float | int | str) -> Cell:
    choose = study.choose[arm]
    overrides = (*study.blocks[block].overrides, *choose.overrides, f"{choose.key}={value}", f"seed={seed}")
    return Cell(block=block, arm=arm, seed=seed, phase=1, overrides=overrides, value=value)


def phase_two(study: Declaration, chosen: Mapping[tuple[str, str], float | int | str]) -> list[Cell]:
    """The study's runs: seed by seed, then block, arm. `chosen`: the value per (block, arm) that is known by now."""
    seeds = dict.fromkeys(seed for block in study.blocks for seed in study.seeds_of(block))
    return [
        _cell(study, block, arm, seed, chosen)
        for seed in seeds
        for block in study.blocks
        if seed in study.seeds_of(block)
        for arm in study.arms_of(block)
    ]


def _cell(
    study: Declaration, block: str, arm: str, seed: int, chosen: Mapping[tuple[str, str], float | int | str]
) -> Cell:
    own = study.arms.get(arm)
    rows_of = own.rows_of if own is not None else ()
    overrides = [*study.blocks[block].overrides]
    if own is not None:
        overrides += own.settings
    elif (block, arm) in chosen:
        choose = study.choose[arm]
        overrides += [*choose.overrides, f"{choose.key}={chosen[block, arm]}"]
    waits = tuple(name for name in (arm, *rows_of) if name in study.choose and (block, name) not in chosen)
    overrides.append(f"seed={seed}")
    return Cell(
        block=block,
        arm=arm,
        seed=seed,
        phase=2,
        overrides=tuple(overrides),
        rows_of=rows_of,
        stages=_stages(own, block, seed),
        waits=waits,
    )


def _stages(own: Arm | None, block: str, seed: int) -> tuple[tuple[str, tuple[str, str, int]], ...]:
    stages = {} if own is None else own.stages
    return tuple(
        (group, (run.block or block, run.arm, seed if run.seed is None else run.seed)) for group, run in stages.items()
    )


def choose_value(choose: Choose, means: Mapping[float | int | str, float]) -> float | int | str:
    """The value with the highest mean; ties go to the paper's value by distance, then to the first listed."""
    best = max(means.values())
    tied = [value for value in choose.values if means[value] >= best - TIE]
    paper = choose.paper
    if paper is None:
        return tied[0]
    return min(tied, key=lambda value: abs(value - paper) if isinstance(value, (int, float)) else float("inf"))

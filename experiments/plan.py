"""A study as a plan: its declaration, the runs it asks for in order, what phase 1 chose, and plan.json.

Pure: nothing here composes a config or starts a run. A run is a `Cell` (where it stands in the study and its override
strings); its name comes from composing them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from experiments.store import write_json

PLAN_VERSION = 1
DEV_OVERRIDES = ("evaluation.splits=[dev]", "evaluation.collections=[]", "evaluation.tasks=[]")
"""What makes a run one of phase 1: no test query is evaluated."""
TIE = 1e-12


class _Declared(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Arm(_Declared):
    """Override strings; `rows_of` names arms whose kept rows it is restricted to (mining.common_with)."""

    overrides: tuple[str, ...]
    rows_of: tuple[str, ...] = ()


def _arm(value: Any) -> Any:
    return {"overrides": value} if isinstance(value, (list, tuple)) else value


class Block(_Declared):
    """One setting under which arms are compared. arms, seeds: None = the study's.

    primary_task: the task its contrasts are judged on; None = the first.
    """

    overrides: tuple[str, ...] = ()
    arms: tuple[str, ...] | None = None
    seeds: tuple[int, ...] | None = None
    primary_task: str | None = None


def _blocks(value: Any) -> Any:
    """Write out ``like: NAME``: that block's overrides come first, and its other settings hold where none are given."""
    if not isinstance(value, Mapping):
        return value
    return {name: _written_out(value, name) for name in value}


def _written_out(blocks: Mapping[str, Any], name: str) -> Any:
    block = blocks[name]
    if not isinstance(block, Mapping) or "like" not in block:
        return block
    other = blocks.get(block["like"])
    if not isinstance(other, Mapping) or "like" in other:
        plain = ", ".join(sorted(key for key, item in blocks.items() if "like" not in item))
        raise ValueError(f"block {name!r} is like {block['like']!r}: name a block that is spelled out ({plain})")
    overrides = [*other.get("overrides", ()), *block.get("overrides", ())]
    return {**other, **{key: item for key, item in block.items() if key != "like"}, "overrides": overrides}


class Choose(_Declared):
    """An arm whose value of `key` is chosen on dev queries. paper: the value that wins a tie, by distance."""

    overrides: tuple[str, ...]
    key: str
    values: Annotated[tuple[float | int | str, ...], Field(min_length=1)]
    by: Literal["dev nDCG@10"] = "dev nDCG@10"
    paper: float | None = None
    seeds: tuple[int, ...] | None = None
    blocks: tuple[str, ...] | None = None

    @property
    def measure(self) -> str:
        """The measure's own name."""
        return self.by.removeprefix("dev ")


class Contrast(_Declared):
    """A primary comparison. blocks: None = all."""

    name: str
    arm: str
    baseline: str
    blocks: tuple[str, ...] | None = None


class Study(_Declared):
    """What a study declares before its first run."""

    name: Annotated[str, Field(pattern=r"^[\w.-]+$")]
    question: str = ""
    expectation: str = ""
    cost: str = ""
    baseline: str | None = None
    contrasts: Annotated[tuple[Contrast, ...], Field(max_length=2)] = ()
    family: Literal["holm"] = "holm"
    margin: float | None = None
    views: tuple[str, ...] = ()
    seeds: Annotated[tuple[int, ...], Field(min_length=1)] = (0,)
    arms: dict[str, Annotated[Arm, BeforeValidator(_arm)]]
    choose: dict[str, Choose] = {}
    blocks: Annotated[dict[str, Block], BeforeValidator(_blocks)] = {"main": Block()}

    @model_validator(mode="after")
    def _names_are_known(self) -> Study:
        both = sorted({*self.arms} & {*self.choose})
        if both:
            raise ValueError(f"{both[0]!r} stands under arms and under choose: give one of them another name")
        arms, blocks = {*self.arms, *self.choose}, {*self.blocks}
        for where, name in self._arm_references():
            _known(name, arms, f"{where} names the arm")
        for where, name in self._block_references():
            _known(name, blocks, f"{where} names the block")
        return self

    def _arm_references(self) -> Iterator[tuple[str, str]]:
        if self.baseline is not None:
            yield "baseline", self.baseline
        for contrast in self.contrasts:
            yield f"contrast {contrast.name!r}", contrast.arm
            yield f"contrast {contrast.name!r}", contrast.baseline
        for name, arm in self.arms.items():
            yield from ((f"arm {name!r} (rows_of)", other) for other in arm.rows_of)
        for name, block in self.blocks.items():
            yield from ((f"block {name!r}", arm) for arm in block.arms or ())

    def _block_references(self) -> Iterator[tuple[str, str]]:
        for contrast in self.contrasts:
            yield from ((f"contrast {contrast.name!r}", block) for block in contrast.blocks or ())
        for name, choose in self.choose.items():
            yield from ((f"choose {name!r}", block) for block in choose.blocks or ())

    def arms_of(self, block: str) -> list[str]:
        """The arms of a block in the order they run: the declared ones, then the chosen ones."""
        listed = self.blocks[block].arms
        chosen = [name for name, choose in self.choose.items() if choose.blocks is None or block in choose.blocks]
        names = [*self.arms, *chosen]
        return names if listed is None else [name for name in names if name in listed]

    def seeds_of(self, block: str) -> tuple[int, ...]:
        """The seeds of a block."""
        seeds = self.blocks[block].seeds
        return self.seeds if seeds is None else seeds


def _known(name: str, names: set[str], what: str) -> None:
    if name not in names:
        raise ValueError(f"{what} {name!r}, which the study does not have (it has: {', '.join(sorted(names))})")


@dataclass(frozen=True)
class Cell:
    """One run that a study asks for. waits: the arms whose chosen value it needs; value: what phase 1 tries."""

    block: str
    arm: str
    seed: int
    phase: Literal[1, 2]
    overrides: tuple[str, ...]
    rows_of: tuple[str, ...] = ()
    waits: tuple[str, ...] = ()
    value: float | int | str | None = None

    @property
    def title(self) -> str:
        """How people are told about it."""
        tried = "" if self.value is None else f" = {self.value}"
        return f"{self.block} / {self.arm}{tried} / seed {self.seed}"


@dataclass(frozen=True)
class Point:
    """One value tried in phase 1: its runs, in seed order, and their mean (None while runs are missing)."""

    value: float | int | str
    run_ids: tuple[str, ...]
    mean: float | None


@dataclass(frozen=True)
class Chosen:
    """The value chosen for an arm in a block, None while runs of the curve are missing."""

    key: str
    by: str
    curve: tuple[Point, ...]
    value: float | int | str | None


def phase_one(study: Study) -> list[Cell]:
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


def _choose_seeds(study: Study, choose: Choose) -> tuple[int, ...]:
    return study.seeds if choose.seeds is None else choose.seeds


def _dev_cell(study: Study, block: str, arm: str, seed: int, value: float | int | str) -> Cell:
    choose = study.choose[arm]
    overrides = (*study.blocks[block].overrides, *choose.overrides, f"{choose.key}={value}", f"seed={seed}")
    return Cell(block=block, arm=arm, seed=seed, phase=1, overrides=overrides, value=value)


def phase_two(study: Study, chosen: Mapping[tuple[str, str], float | int | str]) -> list[Cell]:
    """The study's runs: seed by seed, then block, arm. `chosen`: the value per (block, arm) that is known by now."""
    seeds = dict.fromkeys(seed for block in study.blocks for seed in study.seeds_of(block))
    return [
        _cell(study, block, arm, seed, chosen)
        for seed in seeds
        for block in study.blocks
        if seed in study.seeds_of(block)
        for arm in study.arms_of(block)
    ]


def _cell(study: Study, block: str, arm: str, seed: int, chosen: Mapping[tuple[str, str], float | int | str]) -> Cell:
    own = study.arms.get(arm)
    rows_of = own.rows_of if own is not None else ()
    overrides = [*study.blocks[block].overrides]
    if own is not None:
        overrides += own.overrides
    elif (block, arm) in chosen:
        choose = study.choose[arm]
        overrides += [*choose.overrides, f"{choose.key}={chosen[block, arm]}"]
    waits = tuple(name for name in (arm, *rows_of) if name in study.choose and (block, name) not in chosen)
    overrides.append(f"seed={seed}")
    return Cell(block=block, arm=arm, seed=seed, phase=2, overrides=tuple(overrides), rows_of=rows_of, waits=waits)


def choose_value(choose: Choose, means: Mapping[float | int | str, float]) -> float | int | str:
    """The value with the highest mean; ties go to the paper's value by distance, then to the first listed."""
    best = max(means.values())
    tied = [value for value in choose.values if means[value] >= best - TIE]
    paper = choose.paper
    if paper is None:
        return tied[0]
    return min(tied, key=lambda value: abs(value - paper) if isinstance(value, (int, float)) else float("inf"))


def plan_path(store: Path, study: str) -> Path:
    """Where the plan of a study is kept in the store."""
    return store / "studies" / study / "plan.json"


def read_plan(path: Path) -> dict[str, Any] | None:
    """A written plan, or None."""
    plan: dict[str, Any] | None = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None
    return plan


def write_plan(
    path: Path,
    study: Study,
    runs: Sequence[tuple[Cell, str]],
    chosen: Mapping[tuple[str, str], Chosen],
) -> None:
    """Write plan.json; the declaration as it stood when the first run started is kept from the file before."""
    before = read_plan(path)
    declaration = study.model_dump(mode="json", exclude={"name"})
    plan = {
        "schema_version": PLAN_VERSION,
        "study": study.name,
        "declaration": declaration,
        "declared_at_first_run": before["declared_at_first_run"] if before else declaration,
        "runs": [_row(cell, run_id) for cell, run_id in runs],
        "chosen": {f"{block}/{arm}": _chosen_row(item) for (block, arm), item in sorted(chosen.items())},
    }
    if plan != before:
        write_json(path, plan)


def _row(cell: Cell, run_id: str) -> dict[str, Any]:
    return {
        "block": cell.block,
        "arm": cell.arm,
        "seed": cell.seed,
        "phase": cell.phase,
        "run_id": run_id,
        "overrides": list(cell.overrides),
    }


def _chosen_row(chosen: Chosen) -> dict[str, Any]:
    curve = [{"value": point.value, "mean": point.mean, "run_ids": list(point.run_ids)} for point in chosen.curve]
    return {"key": chosen.key, "value": chosen.value, "by": chosen.by, "curve": curve}

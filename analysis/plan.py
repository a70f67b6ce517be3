"""A study's plan.json: what was declared, which runs it needs, what was chosen on dev."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from experiments.errors import UserError

PLAN_SCHEMA = 1


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Contrast(_Part):
    """arm minus baseline. blocks: None = every block."""

    name: str
    arm: str
    baseline: str
    blocks: tuple[str, ...] | None = None


class Arm(_Part):
    """rows_of: the arms whose kept rows it is restricted to."""

    overrides: tuple[str, ...]
    rows_of: tuple[str, ...] = ()


def _arm(value: Any) -> Any:
    return {"overrides": value} if isinstance(value, (list, tuple)) else value


class Choose(_Part):
    """An arm whose value is chosen on dev. blocks: None = every block."""

    blocks: tuple[str, ...] | None = None


class Block(_Part):
    """arms, seeds: None = the study's.

    primary_task: what differences are about; None = see `compare.difference_tasks`.
    """

    overrides: tuple[str, ...] = ()
    arms: tuple[str, ...] | None = None
    seeds: tuple[int, ...] | None = None
    primary_task: str | None = None


class Declaration(_Part):
    """What a study fixes before its first run."""

    question: str = ""
    expectation: str = ""
    cost: str = ""
    baseline: str | None = None
    contrasts: tuple[Contrast, ...] = ()
    family: Literal["holm"] = "holm"
    margin: float | None = None
    views: tuple[str, ...] = ()
    seeds: tuple[int, ...]
    blocks: dict[str, Block] = {}
    arms: dict[str, Annotated[Arm, BeforeValidator(_arm)]]
    choose: dict[str, Choose] = {}

    @property
    def baseline_name(self) -> str:
        """For tables: the baseline, or that there is none (a name that no arm has)."""
        return self.baseline or "no baseline"


class PlannedRun(_Part):
    """One cell of the study. phase 1: evaluated on dev only; phase 2: the tables."""

    block: str
    arm: str
    seed: int
    phase: Literal[1, 2] = 2
    run_id: str
    overrides: tuple[str, ...] = ()


class CurvePoint(_Part):
    """One value tried on dev and the runs behind its mean; None while one of them is missing."""

    value: float | int | str
    mean: float | None
    run_ids: tuple[str, ...]


class Chosen(_Part):
    """key: the swept parameter, "miner.threshold".

    by: the measure, "dev nDCG@10". value: None while dev runs are missing.
    """

    key: str
    value: float | int | str | None
    by: str = "dev nDCG@10"
    curve: tuple[CurvePoint, ...]


class Plan(_Part):
    """`raw` holds both declarations as written, so that a page can show what changed."""

    study: str
    declaration: Declaration
    runs: tuple[PlannedRun, ...]
    chosen: dict[str, Chosen] = {}
    raw: dict[str, dict[str, Any]] = {}

    @property
    def blocks(self) -> tuple[str, ...]:
        """In the order of the runs; those that have none yet come last."""
        return tuple(dict.fromkeys([*(run.block for run in self.runs), *self.declaration.blocks]))

    def arms(self, block: str) -> tuple[str, ...]:
        """The arms of a block: in the order of its runs, then those that are declared and have none yet."""
        planned = [run.arm for run in self.runs if run.block == block and run.phase == 2]
        return tuple(dict.fromkeys([*planned, *self._declared_arms(block)]))

    def _declared_arms(self, block: str) -> list[str]:
        of_block, chosen = self.declaration.blocks.get(block), self.declaration.choose
        names = [*self.declaration.arms, *(n for n, c in chosen.items() if c.blocks is None or block in c.blocks)]
        listed = None if of_block is None else of_block.arms
        return names if listed is None else [name for name in names if name in listed]

    def seeds(self, block: str) -> tuple[int, ...]:
        """The seeds a block declares."""
        of_block = self.declaration.blocks.get(block)
        return self.declaration.seeds if of_block is None or of_block.seeds is None else of_block.seeds


def read_plan(path: Path) -> Plan:
    """Raises UserError naming the file for what is no plan, and for a contrast that names no arm or block."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise UserError(f"{path}: not JSON ({error}): run the study once more to write it again") from error
    version = data.get("schema_version") if isinstance(data, dict) else None
    if version != PLAN_SCHEMA:
        raise UserError(f"{path}: plan schema {version!r} is not known here (this version reads {PLAN_SCHEMA}): update")
    raw = {"now": data.get("declaration"), "first": data.get("declared_at_first_run") or data.get("declaration")}
    try:
        plan = Plan.model_validate({**data, "raw": raw})
    except ValidationError as error:
        first = error.errors()[0]
        raise UserError(f"{path}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from error
    _check_names(plan)
    return plan


def _check_names(plan: Plan) -> None:
    arms = {arm for block in plan.blocks for arm in plan.arms(block)}
    if plan.declaration.baseline is not None:
        _require(plan, "baseline", plan.declaration.baseline, arms, "arm")
    for contrast in plan.declaration.contrasts:
        _require(plan, f"contrast {contrast.name!r}", contrast.arm, arms, "arm")
        _require(plan, f"contrast {contrast.name!r}", contrast.baseline, arms, "arm")
        for block in contrast.blocks or ():
            _require(plan, f"contrast {contrast.name!r}", block, set(plan.blocks), "block")


def _require(plan: Plan, where: str, name: str, known: set[str], kind: str) -> None:
    if name not in known:
        listed = ", ".join(sorted(known))
        raise UserError(f"study {plan.study}: {where} names {name!r}, which is no {kind} of it: use one of {listed}")


def changes(plan: Plan) -> list[tuple[str, Any, Any]]:
    """(key, when the first run started, now) for every top-level key of the declaration that differs, sorted."""
    first, now = plan.raw["first"], plan.raw["now"]
    keys = sorted({*first, *now})
    return [(key, first.get(key), now.get(key)) for key in keys if not _same(first, now, key)]


def _same(first: Mapping[str, Any], now: Mapping[str, Any], key: str) -> bool:
    return key in first and key in now and bool(first[key] == now[key])

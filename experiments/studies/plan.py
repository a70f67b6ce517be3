"""plan.json: a study's declaration, the runs it needs, and what was chosen on dev, written as the study goes on."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from experiments.entry import shell
from experiments.errors import UserError
from experiments.files import json_text, write_text
from experiments.studies.cells import Cell
from experiments.studies.declaration import Declaration

PLAN_VERSION = 1
OPEN = ("added", "limits", "tables", "figures", "paper")
"""Keys of a declaration that may change at any time: they alter no run and no declared comparison."""
LATER = ("expects", "paper", "fitted")
"""Keys of a declaration that plans of before do not have: left out of plan.json where nothing is declared."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PlannedRun(_Part):
    """One cell of the study. phase 1: evaluated on dev only; phase 2: the tables."""

    block: str
    arm: str
    seed: int
    phase: Literal[1, 2] = 2
    run_id: str
    overrides: tuple[str, ...] = ()

    @property
    def place(self) -> tuple[str | int, ...]:
        """Where it stands in the study; phase 1 has one run a value there."""
        tried = self.overrides if self.phase == 1 else ()
        return (self.block, self.arm, self.seed, self.phase, *tried)


class CurvePoint(_Part):
    """One value tried on dev: its runs in seed order, and their mean (None while one of them is missing)."""

    value: float | int | str
    mean: float | None
    run_ids: tuple[str, ...]


class Chosen(_Part):
    """What phase 1 found for an arm in a block.

    key: the swept parameter, "miner.threshold". by: the measure, "dev nDCG@10". value: None while dev runs are missing.
    """

    key: str
    value: float | int | str | None
    by: str = "dev nDCG@10"
    curve: tuple[CurvePoint, ...]


class Plan(_Part):
    """A study as it was declared and laid out.

    declared_at_first_run: the declaration as this plan first held it. chosen: "block/arm" -> what was found.
    command: the arguments that lay the study out where `study=NAME` alone does not.
    """

    study: str
    declaration: Declaration
    declared_at_first_run: Declaration
    runs: tuple[PlannedRun, ...]
    chosen: dict[str, Chosen] = {}
    command: tuple[str, ...] = ()

    def run_command(self, *more: str) -> str:
        """The command line that runs what is missing, for a shell."""
        command = [*(self.command or [f"study={self.study}"]), *more]
        searches = any(text.startswith("search=") for text in command)
        how = ["experiments.search"] if searches else ["experiments.run", "-m"]
        return shell(["python", "-m", *how, *command])

    @property
    def blocks(self) -> tuple[str, ...]:
        """In the order of the runs; those that have none yet come last."""
        return tuple(dict.fromkeys([*(run.block for run in self.runs), *self.declaration.blocks]))

    def arms(self, block: str) -> tuple[str, ...]:
        """The arms of a block: in the order of its runs, then those that are declared and have none yet."""
        planned = [run.arm for run in self.runs if run.block == block and run.phase == 2]
        declared = self.declaration.arms_of(block) if block in self.declaration.blocks else []
        return tuple(dict.fromkeys([*planned, *declared]))

    def seeds(self, block: str) -> tuple[int, ...]:
        """The seeds a block declares."""
        return self.declaration.seeds_of(block) if block in self.declaration.blocks else self.declaration.seeds

    @cached_property
    def changes(self) -> list[tuple[str, Any, Any]]:
        """(key, when this plan was first written, now) for every top-level key of the declaration that differs, sorted.

        What a page shows and what is openly added later is no change.
        """
        first, now = _declared(self.declared_at_first_run), _declared(self.declaration)
        return [(key, first[key], now[key]) for key in sorted(now) if first[key] != now[key]]


def _declared(declaration: Declaration) -> dict[str, Any]:
    return declaration.model_dump(mode="json", exclude={"name", *OPEN})


def plan_path(store: Path, study: str) -> Path:
    """Where the plan of a study is kept in the store."""
    return store / "studies" / study / "plan.json"


def read_plan(path: Path) -> Plan:
    """A written plan. Raises UserError naming the file for what is no plan of this schema."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not JSON ({error}): run the study once more to write it again") from error
    version = data.pop("schema_version", None) if isinstance(data, dict) else None
    if version != PLAN_VERSION:
        raise UserError(
            f"{path}: plan schema {version!r} is not known here (this version reads {PLAN_VERSION}): update"
        )
    try:
        now, name = data["declaration"], {"name": data["study"]}
        first = data.get("declared_at_first_run") or now
        both = {"declaration": {**now, **name}, "declared_at_first_run": {**first, **name}}
        return Plan.model_validate({**data, **both})
    except (KeyError, TypeError) as error:
        raise UserError(f"{path}: no declaration: run the study once more to write it again") from error
    except ValidationError as error:
        first = error.errors()[0]
        raise UserError(f"{path}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from error


def write_plan(
    path: Path,
    study: Declaration,
    runs: Sequence[tuple[Cell, str]],
    chosen: Mapping[tuple[str, str], Chosen],
    published: Plan | None = None,
    *,
    command: Sequence[str] = (),
) -> None:
    """Write plan.json. published: the committed plan, which a fresh clone's first run must not forget."""
    before = read_plan(path) if path.is_file() else published
    plan = laid_out(study, runs, chosen, before=before, command=command)
    if plan != before or not path.is_file():
        write_text(path, dump_plan(plan))


def dump_plan(plan: Plan) -> str:
    """The text of plan.json: equal plans are equal bytes."""
    plain = plan.model_dump(mode="json", exclude={"declaration": {"name"}, "declared_at_first_run": {"name"}})
    if not plan.command:
        del plain["command"]
    for declared in (plain["declaration"], plain["declared_at_first_run"]):
        for key in LATER:
            if not declared[key]:
                del declared[key]
    return json_text({"schema_version": PLAN_VERSION, **plain})


def merged(plan: Plan, published: Plan) -> Plan:
    """`plan`, with the first declaration and with the runs that only the published plan lists, after its own.

    A study that was run again with fewer seeds loses none that are published already.
    """
    listed = {run.place for run in plan.runs}
    others = [run for run in published.runs if run.place not in listed]
    update = {"runs": (*plan.runs, *others), "declared_at_first_run": published.declared_at_first_run}
    return plan.model_copy(update={**update, "chosen": {**published.chosen, **plan.chosen}})


def laid_out(
    study: Declaration,
    runs: Sequence[tuple[Cell, str]],
    chosen: Mapping[tuple[str, str], Chosen],
    *,
    before: Plan | None,
    command: Sequence[str] = (),
) -> Plan:
    """The plan of a study; the declaration as it stood when the first run started is kept from the plan before."""
    return Plan(
        study=study.name,
        declaration=study,
        declared_at_first_run=before.declared_at_first_run if before else study,
        runs=tuple(_planned(cell, run_id) for cell, run_id in runs),
        chosen={f"{block}/{arm}": item for (block, arm), item in sorted(chosen.items())},
        command=() if list(command) == [f"study={study.name}"] else tuple(command),
    )


def _planned(cell: Cell, run_id: str) -> PlannedRun:
    return PlannedRun(
        block=cell.block, arm=cell.arm, seed=cell.seed, phase=cell.phase, run_id=run_id, overrides=cell.overrides
    )

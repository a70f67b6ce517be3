"""What a run may take of another one: its student, or (listed in mining.common_with) the rows that it keeps."""

from __future__ import annotations

from typing import Any

from experiments.command.overrides import write_value
from experiments.config import CommonWith, RunConfig
from experiments.errors import UserError


def check_same_rows(source: RunConfig, own: RunConfig, where: str) -> None:
    """Refuse a run that is restricted to rows it cannot have: those of other data, or of a run that mines nothing."""
    if source.train.kind == "none":
        raise UserError(f"{where}: that arm has train=none and keeps no rows: name an arm that trains")
    theirs, ours = ({"seed": one.seed, **_prefixed(one.data.model_dump())} for one in (source, own))
    for name in {**theirs, **ours}:
        if theirs.get(name) != ours.get(name):
            raise UserError(
                f"{where}: {name} is {write_value(theirs.get(name))} there and {write_value(ours.get(name))} here; it "
                "decides which rows there are, and only the miner, its teacher and its mining settings are taken over: "
                "give both arms the same"
            )


def check_trains(source: RunConfig, where: str) -> None:
    """Refuse a run whose student another one would take, where it leaves none."""
    if source.until == "mine":
        raise UserError(f"{where}: that arm has until=mine and trains no student: name an arm that trains")
    if source.train.kind == "none":
        raise UserError(f"{where}: that arm has train=none and trains no student: name an arm that trains")


def listed_rows(source: RunConfig, own: RunConfig) -> list[dict[str, Any]]:
    """Entries of `own`'s mining.common_with that keep exactly the rows of `source`."""
    listed = [(source.teacher, source.miner, source.mining)]
    listed += [(one.teacher, one.miner, one.under(source.mining)) for one in source.mining.common_with]
    return [
        {"teacher": teacher.model_dump(), "miner": miner.model_dump(), **CommonWith.of(mining, own.mining)}
        for teacher, miner, mining in listed
    ]


def _prefixed(data: dict[str, Any]) -> dict[str, Any]:
    return {f"data.{name}": value for name, value in data.items()}

"""What a trial is judged by, read from its run's record."""

from __future__ import annotations

from experiments.config import RunConfig
from experiments.errors import UserError
from experiments.records.schema import RunRecord
from experiments.searching.declaration import OBJECTIVES, RATE, SECONDS
from experiments.studies.dev import dev_score


def measured(record: RunRecord, config: RunConfig, *, watched: float) -> dict[str, float]:
    """Every value of OBJECTIVES that the record gives. watched: seconds of its training that went into watching it."""
    found = {name: _value(name, record, config, watched=watched) for name in OBJECTIVES}
    return {name: value for name, value in found.items() if value is not None}


def objectives(names: tuple[str, ...], values: dict[str, float]) -> list[float]:
    """The values of the declared objectives. Raises UserError for one that the run has none of."""
    for name in names:
        if name not in values:
            raise UserError(f"the run has no {name}: choose other objectives, or settings that mine and train")
    return [values[name] for name in names]


def _value(name: str, record: RunRecord, config: RunConfig, *, watched: float) -> float | None:
    if name == RATE:
        facts = record.mining
        return facts.known_false / facts.mined if facts is not None and facts.mined else None
    if name == SECONDS:
        seconds = record.cost.get("train")
        return None if seconds is None else round(max(0.0, seconds - watched), 3)
    return dev_score(record, config, name.removeprefix("dev "))

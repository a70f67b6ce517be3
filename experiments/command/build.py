"""A composed config as plain values becomes a RunConfig and an Execution. The first mistake is one UserError line."""

from __future__ import annotations

import copy
import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from experiments.command import mistakes
from experiments.command.data_paths import take_data_paths
from experiments.command.folders import model_folders, take_model_paths
from experiments.command.rankings import take_ranking_paths
from experiments.config import RunConfig
from experiments.errors import UserError
from experiments.execution import Execution, Labels

IDENTITY = tuple(RunConfig.model_fields)


@dataclass(frozen=True)
class Composed:
    """A run: what it is and how it is executed.

    position: "3/12" in a sweep, else "". prepare: only what it shares with other runs is made.
    """

    config: RunConfig
    execution: Execution
    position: str = ""
    prepare: bool = False

    @functools.cached_property
    def run_id(self) -> str:
        """The run's name."""
        return self.config.run_id


def build(config: Mapping[str, Any], *, output: Path | None = None) -> Composed:
    """The typed values of a composed, resolved config. Raises UserError for the first value that does not fit.

    output: where logs and the tracker's files go; None = where Hydra puts those of a run.
    """
    plain = copy.deepcopy(dict(config))
    data_paths = take_data_paths(plain["data"])
    model_paths = take_model_paths(plain) | model_folders(plain["execution"])
    ranking_paths = take_ranking_paths([plain[name] for name in ("teacher", "mining")])
    run = {name: plain[name] for name in IDENTITY if name in plain}
    for key in _unset(run):
        raise UserError(f"{key} is not set: give {key}=...")
    try:
        parsed = RunConfig.model_validate(run)
    except ValidationError as error:
        raise UserError(mistakes.invalid_value(error, run)) from error
    execution = {
        **plain["execution"],
        "tracker": plain["tracker"],
        "labels": Labels.model_validate(plain.get("labels") or {}),
        "data_paths": data_paths,
        "model_paths": model_paths,
        "ranking_paths": ranking_paths,
    }
    execution["output"] = Path(plain.get("outputs") or "outputs") / "runs" / parsed.run_id if output is None else output
    try:
        executed = Execution.model_validate(execution)
    except ValidationError as error:
        raise UserError(_execution_line(error, execution)) from error
    return Composed(parsed, executed, str(plain.get("position") or ""), prepare=bool(plain.get("prepare")))


def _unset(values: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """The keys that a choice leaves to the user (???)."""
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _unset(value, f"{prefix}{name}.")
        elif isinstance(value, list):
            for item in value:
                yield from _unset(item if isinstance(item, Mapping) else {}, f"{prefix}{name}.")
        elif value == "???":
            yield f"{prefix}{name}"


def _execution_line(error: ValidationError, given: Mapping[str, Any]) -> str:
    inner = error.errors()[0]["loc"][:1] in {("tracker",), ("labels",)}
    return mistakes.invalid_value(error, given, prefix="" if inner else "execution.")

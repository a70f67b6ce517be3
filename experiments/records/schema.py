"""What a finished run leaves behind: one small sorted JSON record, and per-query scores beside it.

`RunRecord` is the versioned schema. A field added later has a default; a change of meaning bumps SCHEMA_VERSION and
adds a pure migration to MIGRATIONS, applied when an older record is read.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from experiments.config import RunConfig
from experiments.errors import UserError, one_line
from experiments.identity import DIGEST_LENGTH, digest
from experiments.records.facts import CollectionFacts, LeakFacts, Part, Provenance, TaskScores, TrainingFacts
from experiments.records.mining import MiningFacts

if TYPE_CHECKING:
    import pandas as pd

SCHEMA_VERSION = 2


def _from_1(data: dict[str, Any]) -> dict[str, Any]:
    """Version 2 added versions, models, provenance and the digest; an older record has none of them."""
    return {**data, "schema_version": 2}


MIGRATIONS: Mapping[int, Callable[[dict[str, Any]], dict[str, Any]]] = {1: _from_1}
"""From version v to v + 1: pure functions of the parsed JSON."""

MEASURES = ("nDCG@10", "R@100", "MRR@10", "AP@100")
PER_QUERY_COLUMNS = ("task", "query_id", *MEASURES)
"""Columns of a run's per-query parquet file: two strings, then float64 measures."""


class RunRecord(BaseModel):
    """One finished run.

    environment: python, packages, processor, flags, device, threads. timings: seconds per stage, 0.0 for a reused
    artifact; cost: what making every artifact of the run took, whoever made it (so a shared one counts fully).
    artifacts: stage and what it was for -> key. per_query: sha256 of the per-query scores' canonical content, "" for a
    mining-only run. versions: stage -> version of its numbers; a stage that is absent had version 1.
    inputs: artifact -> what differs of the environment that it was made in, where an earlier run made it in another.
    models: hub model -> the commit it was resolved to, where the config names none.
    data_sets: hub data set that is trained on -> the commit it was resolved to, where the config names none.
    mining_parts: of a mixture, the facts of each part by name, which `mining` holds the total of.
    leaks: of a run that mines; None in records of before it was counted.
    digest: of everything but provenance and itself; "" in records of schema 1.
    """

    model_config = Part.model_config

    schema_version: int
    run_id: str
    config: dict[str, Any]
    environment: dict[str, Any]
    collections: dict[str, CollectionFacts]
    mining: MiningFacts | None
    training: TrainingFacts | None
    tasks: dict[str, TaskScores]
    timings: dict[str, float]
    cost: dict[str, float]
    artifacts: dict[str, str]
    per_query: str
    versions: dict[str, int] = {}
    models: dict[str, str] = {}
    data_sets: dict[str, str] = {}
    mining_parts: dict[str, MiningFacts] = {}
    inputs: dict[str, dict[str, Any]] = {}
    leaks: LeakFacts | None = None
    provenance: Provenance | None = None
    digest: str = ""

    @property
    def stages(self) -> set[str]:
        """The stages whose artifacts the run used."""
        return {name.partition(" ")[0] for name in self.artifacts}

    @property
    def content_digest(self) -> str:
        """What `digest` should be: equal iff config, environment, figures, timings and keys are."""
        return content_digest(self.model_dump(mode="json"))

    def sealed(self) -> RunRecord:
        """The record with its digest."""
        return self.model_copy(update={"digest": self.content_digest})

    @property
    def environment_digest(self) -> str:
        """Names the second result of one run_id from another environment."""
        return digest(self.environment)

    def run_config(self) -> RunConfig:
        """The config, typed."""
        return RunConfig.model_validate(self.config)


def content_digest(data: Mapping[str, Any]) -> str:
    """Digest of a record as plain JSON, without its origin and without the digest itself.

    Taken of the JSON and not of the model, so that a field that is added to the schema later does not make every record
    look edited.
    """
    named = {name: value for name, value in data.items() if name not in ("digest", "provenance")}
    # `identity.digest` of what is plain JSON already: to make it so once more takes longer than to read the record.
    text = json.dumps(named, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:DIGEST_LENGTH]


def dump_record(record: RunRecord) -> str:
    """Sorted JSON text, newline-terminated: equal records are equal bytes."""
    return (
        json.dumps(record.model_dump(mode="json"), sort_keys=True, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    )


def per_query_digest(scores: pd.DataFrame) -> str:
    """sha256 of PER_QUERY_COLUMNS sorted by task and query, as CSV with shortest round-trip floats.

    Equal for equal scores whatever the order of the rows and however the strings are held. Raises KeyError where a
    column is missing.
    """
    from experiments.records.per_query import csv_digest, sorted_by_task

    tasks, ids = (scores[name].astype("str").tolist() for name in PER_QUERY_COLUMNS[:2])
    values = scores[list(MEASURES)].to_numpy(dtype="float64")
    return csv_digest(sorted_by_task(tasks, ids, values), PER_QUERY_COLUMNS)


def parse_record(text: str, *, source: Path | str) -> RunRecord:
    """A record of this or an older schema. Raises UserError naming `source` for anything else, or an edited one."""
    try:
        data = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{source}: not JSON ({error}): delete the file and run again") from error
    version = data.get("schema_version") if isinstance(data, dict) else None
    if type(version) is not int or version not in {*MIGRATIONS, SCHEMA_VERSION}:
        raise UserError(
            f"{source}: schema_version {version!r} is not known here (this version reads up to {SCHEMA_VERSION}): "
            "update this software, or remove the record"
        )
    if data.get("digest", "") not in ("", content_digest(data)):
        raise UserError(f"{source}: its content is not what its digest says, so it was edited: remove it and run again")
    try:
        for step in range(version, SCHEMA_VERSION):
            data = MIGRATIONS[step](data)
        return RunRecord.model_validate(data)
    except (KeyError, TypeError, AttributeError) as error:
        what = one_line(error)
        raise UserError(
            f"{source}: not a whole record of schema {version} ({what}): delete the file and run again"
        ) from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise UserError(f"{source}: {where}: {first['msg']}: delete the file and run again") from error


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is no number")

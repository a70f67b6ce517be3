"""Records are small sorted JSON that reads back equal, whatever schema wrote them, or says why not in one line."""

from __future__ import annotations

import json
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from experiments.errors import UserError
from experiments.records import folder
from experiments.records import schema as record_module
from experiments.records.folder import find_failure, find_record, write_failure, write_record
from experiments.records.provenance import public
from experiments.records.schema import SCHEMA_VERSION, RunRecord, TaskScores, dump_record, parse_record
from experiments.records.scores import scores_path
from experiments.versions import EVALUATE, MINE, versions_of
from tests.core.test_identity import make_config


def make_record(**changes: Any) -> RunRecord:
    config = make_config()
    values: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "run_id": config.run_id,
        "config": config.model_dump(mode="json"),
        "environment": {"python": "3.11.7", "threads": 2},
        "collections": {},
        "mining": None,
        "training": None,
        "tasks": {
            "docstrings/test": TaskScores(queries=2, documents=3, measures={"nDCG@10": 0.5}, mteb=0.5, content_hash="a")
        },
        "timings": {},
        "cost": {},
        "artifacts": {},
        "per_query": "",
    }
    return RunRecord(**{**values, **changes})


def make_per_query() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "task": ["a", "a"],
            "query_id": ["1", "2"],
            "nDCG@10": [0.1, 1 / 3],
            "R@100": 1.0,
            "MRR@10": 1.0,
            "AP@100": 1.0,
        }
    )


def test_round_trip_keeps_the_typed_config() -> None:
    record = make_record()
    text = dump_record(record)
    assert parse_record(text, source="x") == record
    assert parse_record(text, source="x").run_config().run_id == record.run_id
    assert list(json.loads(text)) == sorted(json.loads(text))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not JSON"),
        ("{}", "schema_version None"),
        ('{"schema_version": 99}', "schema_version 99 is not known"),
        (f'{{"schema_version": {SCHEMA_VERSION}}}', "run_id: Field required"),
    ],
)
def test_a_bad_record_is_one_line_that_names_the_file(text: str, message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        parse_record(text, source="results/records/x.json")
    assert str(caught.value).startswith("results/records/x.json")
    assert "\n" not in str(caught.value)


def test_an_older_record_is_migrated_when_read(monkeypatch: pytest.MonkeyPatch) -> None:
    old = json.loads(dump_record(make_record()))
    old["schema_version"] = SCHEMA_VERSION - 1
    old["spent"] = old.pop("cost")

    def migrate(data: dict[str, Any]) -> dict[str, Any]:
        renamed = {key: value for key, value in data.items() if key != "spent"}
        return {**renamed, "cost": data["spent"], "schema_version": SCHEMA_VERSION}

    monkeypatch.setattr(record_module, "MIGRATIONS", {SCHEMA_VERSION - 1: migrate})
    assert parse_record(json.dumps(old), source="x") == make_record()


def test_the_store_of_records_keeps_one_per_environment_and_finds_the_newest(tmp_path: Path) -> None:
    first, second = make_record(), make_record(environment={"python": "3.13.0", "threads": 1})
    path = write_record(tmp_path, first, make_per_query())
    os.utime(path, (time.time() - 60, time.time() - 60))
    write_record(tmp_path, second, None)
    assert len(list((tmp_path / "records" / first.run_id).glob("*.json"))) == 2
    assert find_record([tmp_path], first.run_id) == second.sealed()
    assert find_record([tmp_path], "0" * 16) is None
    pd.testing.assert_frame_equal(pd.read_parquet(scores_path(path)), make_per_query(), check_dtype=False)


def test_a_failure_is_kept_until_the_run_finishes(tmp_path: Path) -> None:
    record = make_record()
    write_failure(tmp_path, record.run_id, cause="no space", log="run.log")
    failure = find_failure(tmp_path, record.run_id)
    assert failure is not None
    assert (failure.cause, failure.log) == ("no space", "run.log")
    write_record(tmp_path, record, None)
    assert find_failure(tmp_path, record.run_id) is None


def test_a_record_of_the_first_schema_reads_as_it_was() -> None:
    old = json.loads(dump_record(make_record(schema_version=1)))
    for added in ("versions", "models", "provenance", "digest"):
        del old[added]
    assert parse_record(json.dumps(old), source="x") == make_record(schema_version=2)


def test_an_edited_record_is_refused_and_its_origin_may_differ() -> None:
    sealed = make_record(artifacts={"mine": "a" * 16}).sealed()
    plain = json.loads(dump_record(sealed))
    origin = {"commit": "c", "dirty": True, "argv": ["run"], "started": "s", "finished": "f"}
    assert parse_record(json.dumps({**plain, "provenance": origin}), source="x").digest == sealed.digest
    for field, value in (("artifacts", {"mine": "b" * 16}), ("timings", {"wall": 1.0}), ("per_query", "0")):
        with pytest.raises(UserError, match="it was edited"):
            parse_record(json.dumps({**plain, field: value}), source="x")


def test_a_record_of_an_older_version_is_not_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record = make_record(artifacts={"mine": "a" * 16}, versions=versions_of({"mine"}))
    write_record(tmp_path, record, None)
    assert find_record([tmp_path], record.run_id) == record.sealed()
    monkeypatch.setattr(folder, "STAGES", (replace(MINE, version=MINE.version + 1),))
    assert find_record([tmp_path], record.run_id) is None
    found = folder.find_outdated([tmp_path], record.run_id)
    assert found is not None
    assert found[1] == record.sealed()


def test_a_stage_that_the_run_did_not_use_does_not_outdate_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record = make_record(artifacts={"evaluate docstrings/test": "a" * 16}, versions=versions_of({"evaluate"}))
    write_record(tmp_path, record, None)
    monkeypatch.setattr(folder, "STAGES", (replace(MINE, version=MINE.version + 1), EVALUATE))
    assert find_record([tmp_path], record.run_id) == record.sealed()


def test_a_command_line_is_kept_without_the_folders_of_this_machine() -> None:
    argv = ["/home/me/run.py", "data.path=/home/me/my data", "outputs='/tmp/x'", "teacher=bm25", "~/models/m"]
    assert public(argv) == ("run.py", "data.path=my data", "outputs=x", "teacher=bm25", "m")

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
from experiments.records.facts import TaskScores
from experiments.records.folder import failure_path, find_failure, find_record, write_failure, write_record
from experiments.records.provenance import public
from experiments.records.schema import SCHEMA_VERSION, RunRecord, dump_record, parse_record, per_query_digest
from experiments.records.scores import read_scores, scores_path
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
        ('{"schema_version": 0}', "schema_version 0 is not known"),
        ('{"schema_version": true}', "schema_version True is not known"),
        (f'{{"schema_version": {SCHEMA_VERSION}}}', "run_id: Field required: delete the file and run again"),
        (f'{{"schema_version": {SCHEMA_VERSION}, "tasks": NaN}}', "not JSON .NaN is no number.: delete the file"),
        ("[" * 100_000, "not JSON"),
        ("9" * 5_000, "not JSON"),
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


def test_an_older_record_that_lacks_what_its_migration_reads_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record_module, "MIGRATIONS", {SCHEMA_VERSION - 1: lambda data: {"cost": data["spent"]}})
    with pytest.raises(UserError, match=r"^x: not a whole record of schema \d+ \(KeyError: 'spent'\): delete"):
        parse_record(json.dumps({"schema_version": SCHEMA_VERSION - 1}), source="x")


DAMAGES = {
    "truncated": lambda data: data[: len(data) // 2],
    "empty": lambda data: b"",
    "zeros": lambda data: bytes(len(data)),
    "not UTF-8": lambda data: data[:20] + b"\xff\xfe" + data[20:],
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_record_on_disk_is_one_line_that_names_it(tmp_path: Path, name: str) -> None:
    record = make_record()
    path = write_record(tmp_path, record, None)
    path.write_bytes(DAMAGES[name](path.read_bytes()))
    with pytest.raises(UserError) as caught:
        find_record([tmp_path], record.run_id)
    line = str(caught.value)
    assert line.startswith(f"{path}: not ")
    assert line.endswith("and run again")
    assert "\n" not in line


@pytest.mark.parametrize("name", [*DAMAGES, "a column is gone"])
def test_damaged_scores_are_one_line_that_names_them(tmp_path: Path, name: str) -> None:
    record = make_record(per_query=per_query_digest(make_per_query()))
    written = write_record(tmp_path, record, make_per_query())
    path = scores_path(written)
    if name in DAMAGES:
        path.write_bytes(DAMAGES[name](path.read_bytes()))
    else:
        make_per_query().drop(columns="R@100").to_parquet(path)
    with pytest.raises(UserError) as caught:
        read_scores(record, written)
    line = str(caught.value)
    assert line.startswith(f"{path} cannot be read (")
    assert line.endswith(f": remove the record of run {record.run_id} and run it again")
    assert "\n" not in line


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_failure_note_is_a_failure_that_names_it(tmp_path: Path, name: str) -> None:
    write_failure(tmp_path, "0123", cause="no space", log="run.log")
    path = failure_path(tmp_path, "0123")
    path.write_bytes(DAMAGES[name](path.read_bytes()))
    failure = find_failure(tmp_path, "0123")
    assert failure is not None
    assert failure.cause == f"its failure note cannot be read: {path}"
    assert not failure.started


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
    swept = [
        "-m",
        "data.path=choice(/home/me/x.csv)",
        "data.path=choice('/a b/c')",
        "seed=choice(3)",
        "seed=choice(1,2)",
    ]
    assert public(swept) == ("-m", "data.path=x.csv", "data.path=c", "seed=3", "seed=choice(1,2)")

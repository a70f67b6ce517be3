"""Every mistake a user can make here ends in one clear line and exit code 2."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pandas as pd
import pytest

from analysis.__main__ import main
from experiments.records.folder import read_record
from experiments.records.schema import RunRecord, content_digest, per_query_digest
from experiments.records.scores import read_scores, scores_path
from tests.analysis import synthetic

BLOCKS = {"docstrings": {"docstrings/test": 40}}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return synthetic.write_study(tmp_path, blocks=BLOCKS, seeds=(0, 1))


def error_line(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(arguments) == 2
    printed = capsys.readouterr().err
    assert printed.startswith("error: ")
    assert printed.count("\n") == 1
    return printed


def edit_plan(folder: Path, edit: object) -> None:
    plan = json.loads((folder / "plan.json").read_text())
    edit(plan)  # type: ignore[operator]
    (folder / "plan.json").write_text(json.dumps(plan))


def build(folder: Path) -> list[str]:
    return ["build", "--records", str(folder.parent)]


def test_unknown_record_schema(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = next((folder.parent / "records").glob("*/*.json"))
    path.write_text(json.dumps({**json.loads(path.read_text()), "schema_version": 99}))
    line = error_line(capsys, *build(folder))
    assert path.name in line
    assert "99" in line


def test_unknown_plan_schema(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edit_plan(folder, lambda plan: plan.update(schema_version=7))
    assert "plan schema 7 is not known here" in error_line(capsys, *build(folder))


def test_contrast_that_names_no_arm(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edit_plan(folder, lambda plan: plan["declaration"]["contrasts"][0].update(arm="topk_prcpos"))
    line = error_line(capsys, *build(folder))
    assert "'topk_prcpos'" in line
    assert "topk_percpos" in line


def one_run(folder: Path) -> tuple[Path, RunRecord]:
    """The record of one run of topk_percpos, and its path."""
    plan = json.loads((folder / "plan.json").read_text())
    run_id = next(run["run_id"] for run in plan["runs"] if run["arm"] == "topk_percpos")
    path = next((folder.parent / "records" / run_id).glob("*.json"))
    return path, read_record(path)


def test_arms_on_different_test_queries(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, record = one_run(folder)
    scores = read_scores(record, path)
    assert scores is not None
    others = scores.assign(query_id="other-" + scores["query_id"])
    tasks = {name: task.model_copy(update={"content_hash": "other"}) for name, task in record.tasks.items()}
    changed = record.model_copy(update={"per_query": per_query_digest(others), "tasks": tasks})
    synthetic.write_record(folder.parent, changed, others)
    line = error_line(capsys, *build(folder))
    assert "docstrings/test" in line
    assert "topk_percpos" in line


def read_at(folder: Path, arm: str, **lengths: object) -> None:
    """Rewrite what the records of `arm` say of docstrings/test."""
    plan = json.loads((folder / "plan.json").read_text())
    for run_id in {run["run_id"] for run in plan["runs"] if run["arm"] == arm}:
        (path,) = (folder.parent / "records" / run_id).glob("*.json")
        record = json.loads(path.read_text())
        record["tasks"]["docstrings/test"].update(lengths)
        path.write_text(json.dumps({**record, "digest": content_digest(record)}))


def test_arms_read_at_different_lengths(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    measured = {"query_length": 64, "cut_queries": 0.0, "cut_passages": 0.25}
    read_at(folder, "untrained", **measured, passage_length=256)
    read_at(folder, "topk_percpos", **measured, passage_length=64)
    line = error_line(capsys, *build(folder))
    assert "docstrings/test was read at query and passage lengths 64 and 256 in arm untrained" in line
    assert "64 and 64 in arm topk_percpos" in line
    assert line.endswith("again with evaluation.query_length=64 evaluation.passage_length=64\n")
    read_at(folder, "untrained", **measured, passage_length=None)
    line = error_line(capsys, *build(folder))
    assert "64 and unlimited in arm untrained" in line
    assert "evaluation.passage_length=64" in line
    read_at(folder, "untrained", passage_length=64)
    assert main(build(folder)) == 0


def test_a_record_that_does_not_tell_its_lengths_is_read_by_its_config(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = synthetic.write_study(tmp_path, blocks=BLOCKS, seeds=(0,))
    for path in (tmp_path / "records").glob("*/*.json"):
        record = json.loads(path.read_text())
        record["config"]["evaluation"].update(query_length=64, passage_length=32)
        path.write_text(json.dumps({**record, "digest": content_digest(record)}))
    assert main(build(folder)) == 0
    read_at(folder, "topk_percpos", query_length=64, passage_length=64, cut_queries=0.0, cut_passages=0.0)
    assert "64 and 32 in arm" in error_line(capsys, *build(folder))


def test_scores_that_are_not_the_records_own(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = scores_path(one_run(folder)[0])
    scores = pd.read_parquet(path)
    scores.loc[0, "nDCG@10"] += 0.5
    scores.to_parquet(path)
    assert "not the scores that its record names" in error_line(capsys, *build(folder))


def test_scores_of_two_queries_exchanged(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The mean stays what the record says; only the digest can tell."""
    path = scores_path(one_run(folder)[0])
    scores = pd.read_parquet(path)
    scores.loc[[0, 1], "nDCG@10"] = scores.loc[[1, 0], "nDCG@10"].to_numpy()
    scores.to_parquet(path)
    assert "not the scores that its record names" in error_line(capsys, *build(folder))


def test_missing_scores(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scores_path(one_run(folder)[0]).unlink()
    assert "parquet is missing" in error_line(capsys, *build(folder))


def test_missing_query_ids(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for path in (folder.parent / "queries").iterdir():
        path.unlink()
    assert "cannot be read" in error_line(capsys, *build(folder))


def test_truncated_scores(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = scores_path(one_run(folder)[0])
    path.write_bytes(path.read_bytes()[:200])
    assert "cannot be read" in error_line(capsys, *build(folder))


@pytest.mark.parametrize("field", ["mining", "training", "tasks", "environment", "timings"])
def test_an_edited_record(folder: Path, field: str, capsys: pytest.CaptureFixture[str]) -> None:
    path, _ = one_run(folder)
    text = path.read_text()
    data = json.loads(text)
    number = re.compile(r"\d\b")
    edited = number.sub(lambda found: str((int(found[0]) + 1) % 10), json.dumps(data[field]), count=1)
    data[field] = {**data[field], "python": "2"} if field == "environment" else json.loads(edited)
    path.write_text(json.dumps(data))
    assert "it was edited" in error_line(capsys, *build(folder))


def test_chosen_value_without_its_dev_runs(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    chosen = {"key": "miner.threshold", "value": 0.9, "curve": [{"value": 0.9, "mean": 0.5, "run_ids": ["feedbeef"]}]}
    edit_plan(folder, lambda plan: plan.update(chosen={"docstrings/topk_percpos": chosen}))
    line = error_line(capsys, *build(folder))
    assert "feedbeef" in line
    assert "miner.threshold=0.9" in line


def test_no_such_study(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "studies there: synthetic" in error_line(capsys, *build(folder), "demmo")


def test_no_such_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "no such folder" in error_line(capsys, "build", "--records", str(tmp_path / "nowhere"))


def test_folder_without_studies(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "holds no study" in error_line(capsys, "build", "--records", str(tmp_path))


def test_audit_without_mining_records(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "no record stopped after mining" in error_line(capsys, "audit", "--records", str(folder.parent))


@pytest.mark.parametrize("difference", ["0", "-0.1", "2"])
def test_planner_difference_out_of_range(folder: Path, difference: str, capsys: pytest.CaptureFixture[str]) -> None:
    line = error_line(capsys, "plan", "synthetic", f"--difference={difference}", "--records", str(folder.parent))
    assert "is not between 0 and 1" in line


def test_planner_from_one_seed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    synthetic.write_study(tmp_path, blocks=BLOCKS, seeds=(0,))
    line = error_line(capsys, "plan", "synthetic", "--difference=0.01", "--records", str(tmp_path))
    assert "cannot be had from one seed" in line


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["biuld"], "invalid choice: 'biuld'"),
        ([], "the following arguments are required: COMMAND"),
        (["plan", "demo", "--difference", "x"], "argument --difference: invalid float value: 'x'"),
        (["simulate", "--repeats", "0"], "--repeats 0: should be at least 1"),
    ],
)
def test_wrong_arguments(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert message in error_line(capsys, *arguments)


def test_where_nothing_can_be_written(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "file").touch()
    line = error_line(capsys, *build(folder), "--out", str(folder / "file"))
    assert f"--out={folder}/file/{folder.name}: no folder to write to" in line

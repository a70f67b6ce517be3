"""Mistakes at the export's command line: exit code 2, one line that says how to go on, nothing half-written."""

from __future__ import annotations

from pathlib import Path

import pytest

from experiments import export
from experiments.config import NoTraining
from experiments.records.schema import RunRecord
from tests.helpers.beir import write_beir
from tests.helpers.exports import finish


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mistakes")


@pytest.fixture(scope="module")
def mined(root: Path) -> RunRecord:
    return finish(root, until="mine")


@pytest.fixture(scope="module")
def untrained(root: Path) -> RunRecord:
    return finish(root, train=NoTraining())


def refused(root: Path, run: str, *arguments: str, capsys: pytest.CaptureFixture[str]) -> str:
    """The one line with which a command is refused."""
    before = sorted(root.rglob("*"))
    capsys.readouterr()
    assert export.main([run, "--store", str(root / "store"), "--device", "cpu", *arguments]) == 2
    shown = capsys.readouterr().err
    assert shown.startswith("error: ")
    assert shown.count("\n") == 1
    assert [path for path in sorted(root.rglob("*")) if path not in before and "collections" not in path.parts] == []
    return shown


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--format", "triplets"], "--format triplets: no such format, did you mean 'triplet'? (there are: triplet,"),
        (["--format", "xml"], "--format xml: no such format (there are: triplet, n-tuple,"),
        (["--format", "beir", "--file", "jsonl"], "--file jsonl: beir has files of its own: leave it out"),
        (["--format", "flagembedding", "--scores"], "--scores: flagembedding has the scores already"),
        (["--format", "triplet", "--file", "csv"], "argument --file: invalid choice: 'csv'"),
        (["--format", "triplet", "--student"], "argument --student: not allowed with argument --format"),
        ([], "one of the arguments --format --student is required"),
        (["--student", "--scores"], "--scores: --student writes a model: leave it out"),
        (["--student", "--file", "jsonl"], "--file: --student writes a model: leave it out"),
        (["--student"], "stops after mining, so it has no student: name a run that trains one"),
        (["--format", "triplet"], "where is the collection 'toy'? Give --data-path toy=FOLDER"),
        (["--format", "triplet", "--data-path", "toy"], "--data-path toy=: should be NAME=FOLDER"),
        (["--format", "triplet", "--model-path", "nowhere"], "--model-path nowhere: no such folder"),
    ],
)
def test_what_is_wrong_with_the_options(
    root: Path,
    mined: RunRecord,
    arguments: list[str],
    line: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("BEIR_HOME", raising=False)
    assert line in refused(root, mined.run_id, "--out", str(root / "out"), *arguments, capsys=capsys)


def test_runs_that_are_not_there_or_not_alone_or_mined_nothing(
    root: Path, mined: RunRecord, untrained: RunRecord, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = ["--format", "triplet", "--out", str(root / "out")]
    assert "'zz': no run of that name has a record" in refused(root, "zz", *rows, capsys=capsys)
    assert "'': no run of that name" in refused(root, "", *rows, capsys=capsys)
    copy = root / "store" / "records" / f"{mined.run_id[:6]}0"
    (original,) = (root / "store" / "records" / mined.run_id).glob("*.json")
    copy.mkdir()
    (copy / original.name).write_bytes(original.read_bytes())
    try:
        assert "2 runs begin so" in refused(root, mined.run_id[:6], *rows, capsys=capsys)
    finally:
        (copy / original.name).unlink()
        copy.rmdir()
    assert "it has train=none, so it mined nothing" in refused(root, untrained.run_id, *rows, capsys=capsys)
    student = ["--student", "--out", str(root / "out")]
    assert "has train=none, so it trains no student" in refused(root, untrained.run_id, *student, capsys=capsys)


def test_a_folder_that_is_in_use_is_not_touched(
    root: Path, mined: RunRecord, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine").write_text("x", encoding="utf-8")
    for out, line in ((tmp_path, "this folder is not empty"), (tmp_path / "mine", "this is a file")):
        assert line in refused(root, mined.run_id, "--format", "beir", "--out", str(out), capsys=capsys)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_a_collection_that_has_changed_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record = finish(tmp_path, until="mine")
    write_beir(tmp_path / "toy", seed=5)
    arguments = ["--format", "triplet", "--out", str(tmp_path / "out"), "--data-path", f"toy={tmp_path}/toy"]
    assert "toy has changed since run" in refused(tmp_path, record.run_id, *arguments, capsys=capsys)


def test_a_disk_that_refuses_is_one_line_and_leaves_no_scratch(
    root: Path,
    mined: RunRecord,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The scratch folder becomes /dev/full's: the card cannot be written."""
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")

    def full(path: Path, text: str) -> None:
        Path("/dev/full").write_text(text * 10_000, encoding="utf-8")

    monkeypatch.setattr(export, "write_text", full)
    arguments = ["--format", "triplet", "--out", str(tmp_path / "deep" / "out"), "--data-path", f"toy={root}/toy"]
    line = refused(root, mined.run_id, *arguments, capsys=capsys)
    assert "No space left on device" in line
    assert "--out FOLDER" in line
    assert [*(tmp_path / "deep").iterdir()] == []

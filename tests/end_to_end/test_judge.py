"""A blind sheet drawn from a real run: what it shows, what it hides, and every mistake in one line."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from experiments import judge, pipeline
from experiments.config import (
    BeirData,
    Bm25Teacher,
    InfoNCE,
    MiningConfig,
    NaiveTopK,
    RunConfig,
    TinyStudent,
)
from experiments.execution import Execution
from tests.helpers.beir import write_beir


@pytest.fixture
def mined(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The arguments that name a finished run; its collection lies under BEIR_HOME."""
    folder = write_beir(tmp_path / "toy")
    config = RunConfig(
        data=BeirData(name="toy"),
        teacher=Bm25Teacher(),
        miner=NaiveTopK(),
        mining=MiningConfig(depth=30),
        student=TinyStudent(),
        train=InfoNCE(),
        until="mine",
    )
    execution = Execution(store=tmp_path / "store", data_paths={"toy": folder}, threads=1, progress=False)
    record = pipeline.run(config, execution)
    monkeypatch.setenv("BEIR_HOME", str(tmp_path))
    return [f"naive={record.run_id}", "--store", str(execution.store), "--out", str(tmp_path / "sheets")]


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_the_sheet_names_no_arm_and_the_key_joins_it(mined: list[str], tmp_path: Path) -> None:
    assert judge.main([*mined, "--per-arm", "10", "--twice", "3"]) == 0
    sheet, twice, key = (rows(tmp_path / "sheets" / f"{name}.csv") for name in ("sheet", "twice", "key"))
    assert (len(sheet), len(twice), len(key)) == (10, 3, 10)
    assert set(sheet[0]) == {"item", "query", "positive", "mined"}
    assert {row["item"] for row in twice} == {row["item"] for row in key if row["twice"] == "yes"}
    assert "naive" not in (tmp_path / "sheets" / "sheet.csv").read_text(encoding="utf-8")


def test_a_collection_is_found_by_its_path(
    mined: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("BEIR_HOME")
    assert judge.main([*mined, "--per-arm", "5"]) == 2
    assert capsys.readouterr().err == "error: naive: where is the collection 'toy'? Give --data-path toy=FOLDER\n"
    (tmp_path / "toy").rename(tmp_path / "moved")
    assert judge.main([*mined, "--per-arm", "5", "--data-path", f"toy={tmp_path}/moved"]) == 0
    assert len(rows(tmp_path / "sheets" / "sheet.csv")) == 5


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (["--per-arm", "0"], "--per-arm 0: should be at least 1"),
        (["--per-arm", "100000"], "fewer than --per-arm 100000: lower it"),
        (["--twice", "-1"], "--twice -1: should be at least 0"),
        (["--seed", "-1"], "--seed -1: should be at least 0"),
        (["--seed", "x"], "argument --seed: invalid int value: 'x'"),
        (["--data-path", "toy"], "--data-path toy=: should be NAME=FOLDER"),
        (["--data-path", "toy=nowhere"], "--data-path toy=nowhere: should be NAME=FOLDER"),
        (["--store", "nowhere"], "no finished run with mined negatives in nowhere"),
    ],
)
def test_a_mistake_is_one_line_and_writes_nothing(
    mined: list[str], tmp_path: Path, wrong: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert judge.main([*mined, *wrong]) == 2
    shown = capsys.readouterr().err
    assert message in shown
    assert shown.count("\n") == 1
    assert not (tmp_path / "sheets").exists()


def test_a_collection_that_changed_is_refused(
    mined: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_beir(tmp_path / "toy", seed=1)
    assert judge.main([*mined, "--per-arm", "5"]) == 2
    assert "toy has changed since run" in capsys.readouterr().err

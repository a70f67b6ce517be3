from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from experiments import publish, status
from experiments.command.compose import Composed, Composer
from experiments.records.folder import UNFINISHED, write_failure
from experiments.records.schema import PER_QUERY_COLUMNS
from experiments.studies.plan import plan_path
from experiments.studies.sweep import SweepFailed, run_sweep
from tests.hydra.records import FakeLauncher


def run_demo(composer: Composer, folder: Path, *, without: str = "") -> None:
    def broken(run: Composed) -> bool:
        return run.execution.labels.arm == without

    launch = FakeLauncher(composer, broken=broken)
    try:
        run_sweep(["study=demo", f"outputs={folder}"], composer=composer, launch=launch)
    except SweepFailed:
        assert without


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_publishing_copies_what_is_whole_and_again_changes_nothing(
    composer: Composer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_demo(composer, tmp_path, without="random")
    results, store = tmp_path / "results", tmp_path / "store"
    command = ["demo", "--store", str(store), "--results", str(results)]
    assert publish.main(command) == 1
    assert "missing: main / random / seed 0" in capsys.readouterr().out
    first = contents(results)
    assert publish.main(command) == 1
    assert contents(results) == first
    assert len([name for name in first if name.startswith("records/")]) == 4
    run_demo(composer, tmp_path)
    assert publish.main(command) == 0
    second = contents(results)
    assert len([name for name in second if name.startswith("records/")]) == 5
    assert second["demo/plan.json"] == plan_path(store, "demo").read_bytes()
    scores = pd.read_parquet(results / "demo" / "per_query.parquet")
    assert list(scores.columns) == ["run_id", *PER_QUERY_COLUMNS]
    assert len(scores) == 5 * 2
    assert scores[["run_id", "task", "query_id"]].astype(str).apply(tuple, axis=1).is_monotonic_increasing
    assert {str(kind) for kind in scores.dtypes[3:]} == {"float64"}


def test_a_study_that_never_started_cannot_be_published(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert publish.main(["demo", "--store", str(tmp_path), "--results", str(tmp_path / "results")]) == 2
    assert "run it first" in capsys.readouterr().err
    assert not (tmp_path / "results").exists()


def test_status_says_what_is_done_and_how_to_fill_the_rest(
    composer: Composer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_demo(composer, tmp_path, without="random")
    capsys.readouterr()
    setting = f"outputs={tmp_path}"
    assert status.main(["demo", setting]) == 1
    shown = capsys.readouterr().out
    assert "4 of 5 done, 1 failed" in shown
    assert "failed  main / random / seed 0" in shown
    assert f"to fill: python -m experiments.run -m study=demo {setting}" in shown
    assert status.main(["demo", setting, "study.seeds=[0,1]"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert "main / naive_topk" in lines[4]
    assert lines[4].split()[-2:] == ["done", "-"]
    run_demo(composer, tmp_path)
    assert status.main(["demo", setting]) == 0


def test_a_run_that_has_not_told_its_end_is_started_not_failed(
    composer: Composer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_demo(composer, tmp_path, without="random")
    failed = next((tmp_path / "store" / "failures").glob("*.json"))
    write_failure(tmp_path / "store", failed.stem, cause=UNFINISHED, log="run.log")
    capsys.readouterr()
    assert status.main(["demo", f"outputs={tmp_path}"]) == 1
    shown = capsys.readouterr().out
    assert "4 of 5 done, 1 started" in shown
    assert f"started main / random / seed 0  {failed.stem}: {UNFINISHED}" in shown
    assert "failed" not in shown.lower()


def test_a_study_that_is_not_there_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert status.main(["dmo"]) == 2
    assert "did you mean 'demo'" in capsys.readouterr().err


def test_where_nothing_can_be_written(composer: Composer, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_demo(composer, tmp_path)
    (tmp_path / "file").touch()
    assert publish.main(["demo", "--store", str(tmp_path / "store"), "--results", str(tmp_path / "file")]) == 2
    assert f"--results={tmp_path}/file: no folder to write to" in capsys.readouterr().err

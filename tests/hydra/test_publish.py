from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from experiments import publish, status
from experiments.command.build import Composed
from experiments.command.compose import Composer
from experiments.records import folder
from experiments.records.folder import UNFINISHED, read_record, write_failure
from experiments.records.scores import read_scores
from experiments.studies.plan import plan_path, read_plan
from experiments.studies.sweep import SweepFailed, run_sweep
from experiments.versions import EVALUATE
from tests.hydra.records import FakeLauncher

ALL = "execution.results=null"


def run_demo(composer: Composer, folder: Path, *, without: str = "") -> None:
    def broken(run: Composed) -> bool:
        return run.execution.labels.arm == without

    launch = FakeLauncher(composer, broken=broken)
    try:
        run_sweep(["study=demo", f"outputs={folder}", "execution.results=null"], composer=composer, launch=launch)
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
    assert len([name for name in first if name.startswith("records/") and name.endswith(".json")]) == 4
    run_demo(composer, tmp_path)
    assert publish.main(command) == 0
    second = contents(results)
    assert {name: second[name] for name in first if name.startswith("records/")}.items() <= first.items()
    assert len([name for name in second if name.startswith("records/") and name.endswith(".json")]) == 5
    assert second["demo/plan.json"] == plan_path(store, "demo").read_bytes()
    for path in (results / "records").glob("*/*.json"):
        scores = read_scores(read_record(path), path)
        assert scores is not None
        assert scores["query_id"].tolist() == ["q0", "q1"]
        assert {str(kind) for kind in scores.dtypes[2:]} == {"float64"}


def only_record(folder: Path) -> Path:
    return next((folder / "records").glob("*/*.json"))


def test_a_smaller_study_published_over_a_larger_one_loses_nothing(composer: Composer, tmp_path: Path) -> None:
    results = tmp_path / "results"
    for name, seeds in (("large", "[0,1]"), ("small", "[0]")):
        outputs = [f"outputs={tmp_path / name}", "execution.results=null", f"study.seeds={seeds}"]
        run_sweep(["study=demo", *outputs], composer=composer, launch=FakeLauncher(composer))
    assert publish.main(["demo", "--store", str(tmp_path / "large" / "store"), "--results", str(results)]) == 0
    before = contents(results)
    assert publish.main(["demo", "--store", str(tmp_path / "small" / "store"), "--results", str(results)]) == 0
    after = contents(results)
    assert {name for name in before if name.startswith("records/")} <= set(after)
    assert {run.seed for run in read_plan(results / "demo" / "plan.json").runs} == {0, 1}


def test_an_edited_record_is_not_published(
    composer: Composer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_demo(composer, tmp_path)
    path = only_record(tmp_path / "store")
    path.write_text(path.read_text().replace('"nDCG@10": 0.5', '"nDCG@10": 0.9'))
    assert publish.main(["demo", "--store", str(tmp_path / "store"), "--results", str(tmp_path / "results")]) == 2
    assert "it was edited" in capsys.readouterr().err


def test_published_runs_count_as_done_in_a_fresh_store(
    composer: Composer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_demo(composer, tmp_path)
    results = tmp_path / "results"
    assert publish.main(["demo", "--store", str(tmp_path / "store"), "--results", str(results)]) == 0
    fresh = ["study=demo", f"outputs={tmp_path / 'fresh'}", f"execution.results={results}"]
    launch = FakeLauncher(composer)
    run_sweep(fresh, composer=composer, launch=launch)
    assert launch.launched == []
    plan = read_plan(plan_path(tmp_path / "fresh" / "store", "demo"))
    assert plan == read_plan(results / "demo" / "plan.json")
    monkeypatch.setattr(folder, "STAGES", (replace(EVALUATE, version=99),))
    run_sweep(fresh, composer=composer, launch=launch)
    assert launch.launched == [], "records without an artifact of the stage are not outdated by it"


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
    assert status.main(["demo", setting, ALL]) == 1
    shown = capsys.readouterr().out
    assert "4 of 5 done, 1 failed" in shown
    assert "failed  main / random / seed 0" in shown
    assert f"to fill: python -m experiments.run -m study=demo {setting} {ALL}" in shown
    assert status.main(["demo", setting, ALL, "study.seeds=[0,1]"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert "main / naive_topk" in lines[4]
    assert lines[4].split()[-2:] == ["done", "-"]
    run_demo(composer, tmp_path)
    assert status.main(["demo", setting, ALL]) == 0


def test_a_run_whose_process_is_gone_before_it_told_its_end_is_killed_not_failed(
    composer: Composer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_demo(composer, tmp_path, without="random")
    failed = next((tmp_path / "store" / "failures").glob("*.json"))
    write_failure(tmp_path / "store", failed.stem, cause=UNFINISHED, log="run.log")
    capsys.readouterr()
    assert status.main(["demo", f"outputs={tmp_path}", ALL]) == 1
    shown = capsys.readouterr().out
    assert "4 of 5 done, 1 killed" in shown
    assert "main / random" in shown
    assert "failed" not in shown.lower()


def test_a_study_that_is_not_there_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert status.main(["dmo"]) == 2
    assert "did you mean 'demo'" in capsys.readouterr().err


def test_where_nothing_can_be_written(composer: Composer, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_demo(composer, tmp_path)
    (tmp_path / "file").touch()
    assert publish.main(["demo", "--store", str(tmp_path / "store"), "--results", str(tmp_path / "file")]) == 2
    assert f"--results={tmp_path}/file: no folder to write to" in capsys.readouterr().err

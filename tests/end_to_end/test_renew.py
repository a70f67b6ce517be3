"""`experiments.renew` on a real published study of the tiny student."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from experiments import pipeline, publish, renew
from experiments.config import BeirData
from experiments.execution import Execution
from experiments.records import folder
from experiments.studies.cells import Cell
from experiments.studies.declaration import Declaration
from experiments.studies.plan import plan_path, write_plan
from experiments.versions import EVALUATE, STAGES
from tests.end_to_end.test_compare import CONFIG
from tests.helpers.beir import write_beir


def test_outdated_cells_are_run_anew_and_published_in_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_beir(tmp_path / "home" / "toy")
    monkeypatch.setenv("BEIR_HOME", str(tmp_path / "home"))
    store, results = tmp_path / "store", tmp_path / "results"
    execution = Execution(store=store, beir_home=tmp_path / "home", device="cpu", threads=1, progress=False)
    assert isinstance(CONFIG.data, BeirData)
    study = Declaration.model_validate({"name": "s", "arms": {"naive": ["miner=naive_topk"]}})
    cell = Cell(block="main", arm="naive", seed=0, phase=2, overrides=())
    write_plan(plan_path(store, "s"), study, [(cell, CONFIG.run_id)], {})
    first = pipeline.run(CONFIG, execution)
    assert publish.main(["s", "--store", str(store), "--results", str(results)]) == 0
    command = ["s", "--results", str(results), "--store", str(tmp_path / "fresh"), "--threads", "1", "--device", "cpu"]
    assert renew.main(command) == 0
    assert "0 of 1 cells of s are outdated" in capsys.readouterr().out
    raised = replace(EVALUATE, version=EVALUATE.version + 1)
    current = tuple(raised if stage.name == EVALUATE.name else stage for stage in STAGES)
    for module in ("experiments.records.folder.STAGES", "experiments.versions.STAGES"):
        monkeypatch.setattr(module, current)
    monkeypatch.setattr("experiments.stages.evaluate.EVALUATE", raised)
    assert folder.find_record([results], CONFIG.run_id) is None
    assert renew.main(command) == 0
    assert "[1/1] main / naive / seed 0  toy/test" in capsys.readouterr().out
    assert publish.main(["s", "--store", str(tmp_path / "fresh"), "--results", str(results)]) == 0
    again = folder.find_record([results], CONFIG.run_id)
    assert again is not None
    assert again.per_query == first.per_query
    assert len(folder.record_paths(results, CONFIG.run_id)) == 1


def test_a_study_that_is_not_published_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert renew.main(["nothing", "--results", str(tmp_path)]) == 2
    assert "nothing: no published study" in capsys.readouterr().err

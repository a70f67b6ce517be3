"""`experiments.compare` on real runs of the tiny student: the same again, an edited record, a changed collection."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from experiments import compare, pipeline
from experiments.config import (
    BeirData,
    Bm25Teacher,
    EvaluationConfig,
    InfoNCE,
    MiningConfig,
    NaiveTopK,
    RunConfig,
    TinyStudent,
)
from experiments.execution import Execution
from experiments.records.folder import read_record, record_paths, write_record
from experiments.records.schema import per_query_digest
from experiments.records.scores import read_scores
from tests.helpers.beir import write_beir

CONFIG = RunConfig(
    data=BeirData(name="toy"),
    teacher=Bm25Teacher(),
    miner=NaiveTopK(),
    mining=MiningConfig(depth=30),
    student=TinyStudent(),
    train=InfoNCE(steps=3, batch_size=8, query_length=16, passage_length=32),
    evaluation=EvaluationConfig(query_length=16, passage_length=32),
)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A store with one finished run, and the folder of its collection."""
    root = tmp_path_factory.mktemp("compare")
    folder = write_beir(root / "toy")
    execution = Execution(store=root / "store", data_paths={"toy": folder}, device="cpu", threads=1, progress=False)
    pipeline.run(CONFIG, execution)
    return root / "store", folder


def command(store: Path, folder: Path) -> list[str]:
    return [CONFIG.run_id, "--records", str(store), "--data-path", f"toy={folder}", "--device", "cpu"]


def test_the_same_run_again_is_identical(finished: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert compare.main(command(*finished)) == 0
    shown = capsys.readouterr().out
    assert "no replicas among the records" in shown
    assert "toy/test  identical" in shown


def test_other_scores_are_different_and_replicas_give_the_tolerance(
    finished: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store, folder = finished
    (path,) = record_paths(store, CONFIG.run_id)
    record = read_record(path)
    scores = read_scores(record, path)
    assert scores is not None
    other = scores.assign(**{"nDCG@10": np.clip(scores["nDCG@10"] + 0.01, 0.0, 2.0)})
    mean = float(other["nDCG@10"].mean())
    task = record.tasks["toy/test"]
    measures = {**task.measures, "nDCG@10": mean}
    changed = record.model_copy(
        update={
            "per_query": per_query_digest(other),
            "tasks": {"toy/test": task.model_copy(update={"measures": measures})},
        }
    )
    write_record(tmp_path / "changed", changed, other)
    assert compare.main(command(tmp_path / "changed", folder)) == 1
    assert "toy/test  different" in capsys.readouterr().out
    for place in (changed, record.model_copy(update={"environment": {**record.environment, "python": "9"}})):
        write_record(tmp_path / "both", place, other if place is changed else scores)
    assert compare.replica_tolerance(tmp_path / "both") == pytest.approx(abs(mean - task.measures["nDCG@10"]))


def test_an_edited_record_is_refused(
    finished: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store, folder = finished
    (path,) = record_paths(store, CONFIG.run_id)
    copy = tmp_path / "records" / path.parent.name / path.name
    copy.parent.mkdir(parents=True)
    copy.write_text(path.read_text().replace('"known_false": 0', '"known_false": 1', 1))
    assert compare.main(command(tmp_path, folder)) == 2
    assert "it was edited" in capsys.readouterr().err


def test_a_name_that_is_neither_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert compare.main(["nothing", "--records", str(tmp_path)]) == 2
    assert capsys.readouterr().err.startswith("error: nothing: neither a study nor a run")

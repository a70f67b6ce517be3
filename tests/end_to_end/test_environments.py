"""Where a run's parts were made: noted with each artifact, told by the record where it differs, shown by compare."""

from __future__ import annotations

import json
import weakref
from pathlib import Path
from typing import Any

import pytest
from sentence_transformers import SentenceTransformer

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
from experiments.files import write_json
from experiments.records.folder import read_record, record_paths
from experiments.store import DESCRIPTOR
from tests.helpers.beir import write_beir


def config(length: int) -> RunConfig:
    return RunConfig(
        data=BeirData(name="toy"),
        teacher=Bm25Teacher(),
        miner=NaiveTopK(),
        mining=MiningConfig(depth=30),
        student=TinyStudent(),
        train=InfoNCE(steps=3, batch_size=8, query_length=16, passage_length=32),
        evaluation=EvaluationConfig(query_length=16, passage_length=length),
    )


def execution(root: Path, *, threads: int) -> Execution:
    return Execution(
        store=root / "store", data_paths={"toy": root / "toy"}, device="cpu", threads=threads, progress=False
    )


def test_what_an_earlier_run_made_with_other_threads_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_beir(tmp_path / "toy")
    first = pipeline.run(config(32), execution(tmp_path, threads=1))
    assert first.inputs == {}
    second = pipeline.run(config(24), execution(tmp_path, threads=2))
    reused = {name for name in second.artifacts if not name.startswith("evaluate")}
    assert "train" in reused
    assert second.inputs == {name: {"threads": 1} for name in reused}
    (path,) = record_paths(tmp_path / "store", second.run_id)
    assert read_record(path) == second

    where = ["--records", str(tmp_path / "store"), "--data-path", f"toy={folder}", "--device", "cpu"]
    compare.main([second.run_id, *where])
    assert "its train was made in another environment than the rest: {'threads': 1}" in capsys.readouterr().out


def test_an_artifact_from_before_environments_were_noted_is_used_and_tells_nothing(tmp_path: Path) -> None:
    write_beir(tmp_path / "toy")
    pipeline.run(config(32), execution(tmp_path, threads=1))
    for path in (tmp_path / "store").glob(f"*/*/{DESCRIPTOR}"):
        _without_environment(path)
    second = pipeline.run(config(24), execution(tmp_path, threads=2))
    assert second.timings["train"] == 0.0
    assert second.inputs == {}


def _without_environment(path: Path) -> None:
    descriptor = json.loads(path.read_text(encoding="utf-8"))
    assert descriptor.pop("environment")["threads"] == 1
    write_json(path, descriptor)


def test_a_finished_run_leaves_no_model_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_beir(tmp_path / "toy")
    models: list[weakref.ref[SentenceTransformer]] = []
    original = SentenceTransformer.__init__

    def spy(self: SentenceTransformer, *arguments: Any, **options: Any) -> None:
        models.append(weakref.ref(self))
        original(self, *arguments, **options)

    monkeypatch.setattr(SentenceTransformer, "__init__", spy)
    pipeline.run(config(32), execution(tmp_path, threads=1))
    assert len(models) >= 2
    assert [model() for model in models if model() is not None] == []

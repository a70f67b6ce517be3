"""A run over a damaged store makes anew what is damaged, says so, and gives the numbers that it gave before."""

from __future__ import annotations

import logging
import re
import shutil
from pathlib import Path

import pytest

from experiments import pipeline
from experiments.config import TopKPercPos
from experiments.execution import Execution
from experiments.records.schema import RunRecord
from tests.end_to_end.test_pipeline import made, make_config
from tests.helpers.beir import write_beir
from tests.teachers.test_stages import TEACHER


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def results(record: RunRecord) -> dict[str, object]:
    return record.model_dump(include={"mining", "training", "tasks", "artifacts", "per_query"})


def test_whatever_is_damaged_is_made_anew_and_every_number_is_the_same(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = write_beir(tmp_path / "toy")
    execution = Execution(store=tmp_path / "store", data_paths={"toy": folder}, device="cpu", threads=1, progress=False)
    config = make_config(teacher=TEACHER, miner=TopKPercPos(threshold=0.95))
    first = pipeline.run(config, execution)

    for path in execution.store.glob("embed/*/vectors.npy"):
        flip(path)
    (path,) = execution.store.glob("retrieve/*/candidates.npz")
    path.write_bytes(path.read_bytes()[:-20])
    (path,) = execution.store.glob("mine/*/mined.npz")
    flip(path)
    (path,) = execution.store.glob("train/*/model/model.safetensors")
    path.unlink()
    (path,) = execution.store.glob("evaluate/*/scores.json")
    path.write_text(re.sub(r'"nDCG@10": [\d.]+', '"nDCG@10": 0.99', path.read_text()))
    shutil.rmtree(execution.store / "records")

    again = pipeline.run(config, execution)
    assert results(again) == results(first)
    assert made(again) == {"embed", "retrieve", "mine", "train", "evaluate"}
    lines = [entry.getMessage() for entry in caplog.records if entry.levelno == logging.WARNING]
    told = [re.fullmatch(rf"{execution.store}/(\w+)/\w+ is made anew: (\S+) .*", line) for line in lines]
    assert sorted(found.groups() for found in told if found) == [
        ("embed", "vectors.npy"),
        ("embed", "vectors.npy"),
        ("evaluate", "scores.json"),
        ("mine", "mined.npz"),
        ("retrieve", "candidates.npz"),
        ("train", "model/model.safetensors"),
    ]
    assert len(lines) == 6

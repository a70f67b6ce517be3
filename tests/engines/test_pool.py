"""A pool of processes gives the vectors of one, to the last bit, also where a process is killed."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from experiments.config import DenseTeacher
from experiments.engines import pool as pool_module
from experiments.engines.pool import Pool
from experiments.errors import UserError
from experiments.execution import Execution
from experiments.stages.embed import embed
from experiments.store import Store
from tests.engines.texts import TEXTS, expected, tiny_teacher


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models") / "tiny"


@pytest.fixture(autouse=True)
def one_thread() -> Any:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def by_pool(teacher: DenseTeacher, execution: Execution, store: Path, **fields: object) -> np.ndarray:
    pooled = execution.model_copy(update={"engine": "pool", "devices": ("cpu", "cpu"), **fields})
    return embed(TEXTS, encoder=teacher, role="document", store=Store(store), execution=pooled)[0]


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_two_processes_give_the_vectors_of_one(
    folder: Path, tmp_path: Path, precision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool_module, "BATCHES_AT_ONCE", 2)
    teacher, execution = tiny_teacher(folder, precision=precision)
    found = by_pool(teacher, execution, tmp_path, shard=64)
    assert np.array_equal(found, expected(TEXTS, teacher, execution))


def test_a_killed_process_costs_its_shard(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    teacher, execution = tiny_teacher(folder)
    shards: list[int] = []
    vectors = Pool._vectors

    def kill_one_in_the_second(self: Pool, texts: list[str]) -> np.ndarray:
        shards.append(len(texts))
        if len(shards) == 2:
            for process in self._processes["processes"]:  # both, so that the shard cannot be done by the other
                os.kill(process.pid, signal.SIGKILL)
                process.join()
        return vectors(self, texts)

    monkeypatch.setattr(Pool, "_vectors", kill_one_in_the_second)
    found = by_pool(teacher, execution, tmp_path, shard=40)
    assert shards == [40, 40, 40, 10]
    assert np.array_equal(found, expected(TEXTS, teacher, execution))
    assert "a process of the pool was lost" in caplog.text


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"devices": ()}, "execution.engine=pool without a GPU: name its processes, as in execution.devices=[cpu,cpu]"),
        ({"devices": ("cpu", "gpu7")}, "execution.devices: device='gpu7' is no torch device"),
        ({"devices": ("cuda:0",)}, "execution.devices: device=cuda:0 but torch sees no GPU here"),
        ({"devices": ("cpu", "meta")}, r"execution.devices=\['cpu', 'meta'\]: the run is on cpu"),
    ],
)
def test_devices_that_are_not_here_are_one_line(
    folder: Path, tmp_path: Path, fields: dict[str, object], message: str
) -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    teacher, execution = tiny_teacher(folder)
    with pytest.raises(UserError, match=message.replace("[cpu", r"\[cpu") if "as in" in message else message):
        by_pool(teacher, execution, tmp_path, **fields)


def test_devices_without_a_pool_are_refused() -> None:
    with pytest.raises(ValueError, match=r"devices=\['cpu'\] are a pool's, and engine=process: use engine=pool"):
        Execution(devices=("cpu",))

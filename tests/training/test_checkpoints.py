"""A training that is killed goes on from its checkpoint, to the very student of one that never was."""

from __future__ import annotations

import json
import logging
import multiprocessing
import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from experiments.config import InfoNCE, RunConfig
from experiments.files import StorageError
from experiments.records.facts import TrainingFacts
from experiments.stages.train import train
from experiments.store import Artifact, Store
from experiments.training.checkpoints import WHOLE, Checkpoints
from tests.helpers.toy import toy_collection, toy_config, toy_execution, toy_negatives

COLLECTION = toy_collection()
NEGATIVES = toy_negatives(COLLECTION)
STEPS = 8
"""Of 8 rows each, of 24: so that step 3, 6 end a pass over the rows."""
CONFIG = toy_config(
    train=InfoNCE(
        steps=STEPS, batch_size=8, learning_rate=1e-3, query_length=12, passage_length=16, dropout=0.1, precision="fp32"
    )
)


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def run_train(
    root: Path, *, every: float | None = 0.0, kill_at: int = 0, config: RunConfig = CONFIG, environment: Any = None
) -> tuple[Path, TrainingFacts, Artifact, list[int]]:
    """What `train` gives, and the steps that it told; the process dies when it tells of step `kill_at`."""
    told: list[int] = []

    def on_log(step: int, values: dict[str, float]) -> None:
        told.append(step)
        if step == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    execution = toy_execution(root).model_copy(update={"checkpoint_every": every})
    store = Store(execution.store, environment=environment or {"threads": 1})
    found = train(
        config=config,
        collection=COLLECTION,
        negatives=NEGATIVES,
        fitted=None,
        store=store,
        execution=execution,
        on_log=on_log,
    )
    return *found, told


def killed(root: Path, at: int, **options: Any) -> Path:
    """Train in a process that kills itself; the folder of what it left to go on from."""
    options = {"kill_at": at, **options}
    process = multiprocessing.get_context("fork").Process(target=run_train, args=(root,), kwargs=options)
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    found = list((root / "store" / "train").glob(".*.partial"))
    return found[0] if found else root / "nothing"


def outcome(found: tuple[Path, TrainingFacts, Artifact, list[int]]) -> tuple[dict[str, bytes], TrainingFacts, str]:
    """Every weight to the last bit, the facts with every loss, and what was masked at every step."""
    folder, facts, artifact, _ = found
    weights = {name: value.numpy().tobytes() for name, value in load_file(folder / "model.safetensors").items()}
    with np.load(artifact.path / "masked.npz") as masked:
        return weights, facts, json.dumps({name: masked[name].tolist() for name in masked})


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, bytes], TrainingFacts, str]:
    torch.set_num_threads(1)
    return outcome(run_train(tmp_path_factory.mktemp("unbroken"), every=None))


@pytest.mark.parametrize("at", [2, 4, 5, STEPS])
def test_a_killed_training_gives_the_student_of_an_unbroken_one_to_the_last_bit(
    tmp_path: Path, unbroken: tuple[dict[str, bytes], TrainingFacts, str], at: int
) -> None:
    partial = killed(tmp_path, at)
    # The step is told before its checkpoint is saved.
    assert json.loads(next(partial.glob(f"*/{WHOLE}")).read_text())["step"] == at - 1
    again = run_train(tmp_path)
    assert outcome(again) == unbroken
    assert again[3] == list(range(1, STEPS + 1))
    assert not partial.exists()
    assert [path.name for path in (tmp_path / "store" / "train").glob(".*")] == []


def test_a_training_that_is_killed_twice_goes_on_from_the_second_place(
    tmp_path: Path, unbroken: tuple[dict[str, bytes], TrainingFacts, str]
) -> None:
    killed(tmp_path, 3)
    partial = killed(tmp_path, 6)
    assert json.loads(next(partial.glob(f"*/{WHOLE}")).read_text())["step"] == 5
    assert outcome(run_train(tmp_path)) == unbroken


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("name", ["weights.pt", "optimizer.pt", "masked.npz", "trainer_state.json"])
def test_a_damaged_checkpoint_is_not_gone_on_from(
    tmp_path: Path, unbroken: tuple[dict[str, bytes], TrainingFacts, str], name: str
) -> None:
    partial = killed(tmp_path, 4)
    flip(next(partial.glob(f"*/{name}")))
    assert Checkpoints(partial, every=0.0, environment={"threads": 1}).newest() is None
    assert outcome(run_train(tmp_path)) == unbroken


def test_a_checkpoint_of_another_environment_is_not_gone_on_from(tmp_path: Path) -> None:
    partial = killed(tmp_path, 4, environment={"threads": 2})
    assert Checkpoints(partial, every=0.0, environment={"threads": 1}).newest() is None


def test_a_short_training_keeps_none(tmp_path: Path) -> None:
    assert not killed(tmp_path, STEPS, every=300.0).exists()


def test_a_disk_that_takes_no_checkpoint_does_not_stop_the_training(
    tmp_path: Path,
    unbroken: tuple[dict[str, bytes], TrainingFacts, str],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def full(self: Checkpoints, checkpoint: Path, step: int) -> None:
        raise StorageError("full") from OSError(28, "No space left on device")

    monkeypatch.setattr(Checkpoints, "seal", full)
    for name, value in (
        ("propagate", True),
        ("disabled", False),
    ):  # as Hydra's logging of earlier tests may have left it
        monkeypatch.setattr(logging.getLogger("experiments"), name, value)
    assert outcome(run_train(tmp_path)) == unbroken
    assert "no room for a checkpoint" in caplog.text

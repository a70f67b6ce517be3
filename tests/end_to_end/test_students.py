"""Students of other kinds through the real command: mined, trained, saved, read back, measured to the same digits."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from safetensors import safe_open

from experiments.run import main
from tests.helpers.beir import write_beir
from tests.helpers.checkpoints import mistral_folder

SMALL = (
    "tracker=none teacher=static mining.num_negatives=2 mining.depth=30 train.steps=8 train.batch_size=8 "
    "train.query_length=32 train.passage_length=32 evaluation.query_length=32 evaluation.passage_length=32 "
    "execution.device=cpu execution.threads=1 execution.progress=false execution.results=null"
)
LORA = "{r: 4, alpha: 8.0, dropout: 0.1, targets: [q_proj, up_proj], base_precision: bf16}"


def command(root: Path, *arguments: str) -> list[str]:
    return [*SMALL.split(), "data=beir", f"data.path={root}/toy", f"outputs={root}/outputs", *arguments]


def record(root: Path) -> dict[str, Any]:
    (path,) = (root / "outputs" / "store" / "records").glob("*/*.json")
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def measured_again(root: Path, arguments: list[str]) -> dict[str, Any]:
    """The same command where record and scores are gone and the trained student is still there."""
    store = root / "outputs" / "store"
    first = record(root)
    trained = {path: path.stat().st_mtime_ns for path in (store / "train").rglob("*.safetensors")}
    assert trained
    shutil.rmtree(store / "records")
    shutil.rmtree(store / "evaluate")
    assert main(arguments) == 0
    assert {path: path.stat().st_mtime_ns for path in trained} == trained
    second = record(root)
    assert second["tasks"] == first["tasks"]
    assert second["training"] == first["training"]
    return first


def test_a_small_mistral_with_an_adapter(tmp_path: Path) -> None:
    write_beir(tmp_path / "toy", documents=80, train=24, test=10)
    mistral_folder(tmp_path / "small_mistral")
    arguments = command(
        tmp_path,
        "student=hub",
        f"student.name={tmp_path}/small_mistral",
        "student.pooling=mean",
        "student.attention_direction=bidirectional",
        "student.pool_prompt=false",
        'student.query_prompt="Given a question, find the passage: "',
        f"student.adapter={LORA}",
        "train.learning_rate=0.01",
        "train.precision=bf16",
        "train.micro_batch=5",
        "train.gradient_checkpointing=true",
    )
    assert main(arguments) == 0
    first = measured_again(tmp_path, arguments)
    (adapter,) = (tmp_path / "outputs" / "store" / "train").rglob("*.safetensors")
    assert adapter.name == "adapter_model.safetensors"
    assert adapter.stat().st_size < 100_000
    with safe_open(adapter, framework="pt") as weights:
        moved = [name for name in weights.keys() if "lora_B" in name and weights.get_tensor(name).any()]  # noqa: SIM118
    assert len(moved) == 4
    losses = [loss for _, loss in first["training"]["loss"]]
    assert losses[-1] < losses[0]


def test_a_static_student_of_a_static_teacher(tmp_path: Path) -> None:
    write_beir(tmp_path / "toy", documents=80, train=24, test=10)
    arguments = command(tmp_path, "student=static", "train.learning_rate=0.02")
    assert main(arguments) == 0
    first = measured_again(tmp_path, arguments)
    assert first["mining"]["kept"] > 0
    (task,) = first["tasks"].values()
    assert task["query_length"] == 32
    assert task["measures"]["nDCG@10"] > 0.3


def test_a_dry_run_prints_the_memory_that_a_seven_billion_student_needs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["student=mistral_7b", "dry_run=true"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith("to run")
    assert lines[1].startswith("memory  mistralai/Mistral-7B-v0.1, batch 16, 4 mined a row, 64/64 tokens, fp32: ")
    assert "weights 13.40 + gradients 0.16 + optimizer 0.31 + activations" in lines[1]
    assert len(lines) == 2
    assert main(["student=static", "dry_run=true"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_what_a_static_student_cannot_do_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["student=static", "train.freeze_token_embeddings=true", "dry_run=true"]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "leaves nothing of student static to train" in error

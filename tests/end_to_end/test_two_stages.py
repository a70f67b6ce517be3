"""The paper's two stages of training on a small random Mistral: the second goes on from the first one's adapter."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from experiments.command.compose import Composer
from experiments.pipeline import run
from experiments.records.schema import RunRecord
from experiments.studies.declaration import Declaration
from experiments.studies.given import load_study
from experiments.studies.jobs import run_jobs
from experiments.studies.planner import StudyPlanner
from tests.helpers.beir import write_beir
from tests.helpers.checkpoints import mistral_folder

SMALL = {"train.steps": "4", "train.batch_size": "8"}
LORA = "{r: 4, alpha: 8.0, dropout: 0.0, targets: [q_proj, up_proj], base_precision: bf16}"
SETTINGS = (
    "tracker=none teacher=static student=hub student.pooling=mean student.attention_direction=bidirectional "
    "student.pool_prompt=false train.micro_batch=5 train.query_length=32 train.passage_length=32 evaluation.tasks=[] "
    "evaluation.splits=[test] evaluation.query_length=32 evaluation.passage_length=32 mining.depth=30 "
    "execution.device=cpu execution.threads=1 execution.progress=false execution.results=null"
)


def small_study(composer: Composer) -> Declaration:
    """nv_retriever_v1 with fewer steps of fewer rows; the second stage's rate is too low to move anything."""
    plain = load_study(["study=nv_retriever_v1"], composer).model_dump()
    for block in plain["blocks"].values():
        keys = [text.partition("=")[0] for text in block["overrides"]]
        block["overrides"] = [
            f"{key}={SMALL[key]}" if key in SMALL else text for key, text in zip(keys, block["overrides"], strict=True)
        ]
    rates = {"retrieval": "1e-2", "blended": "1e-8"}
    for name, rate in rates.items():
        plain["blocks"][name]["overrides"] += [f"train.learning_rate={rate}"]
    return Declaration.model_validate(plain)


@pytest.mark.timeout(900)  # two stages of a small Mistral: a minute on two idle cores, four on busy ones
def test_the_second_stage_goes_on_from_the_firsts_adapter(tmp_path: Path) -> None:
    composer = Composer()
    for seed, name in enumerate(("nv_retriever_retrieval", "nv_retriever_blended")):
        write_beir(tmp_path / "beir" / name, documents=80, train=24, test=10, seed=seed)
    mistral_folder(tmp_path / "small_mistral")
    settings = (
        *SETTINGS.split(),
        f"student.name={tmp_path}/small_mistral",
        f"student.adapter={LORA}",
        'student.query_prompt="Given a question, find the passage: "',
        f"outputs={tmp_path}/outputs",
        f"execution.beir_home={tmp_path}/beir",
    )
    planner = StudyPlanner(composer, small_study(composer), "study=nv_retriever_v1", settings)
    done: dict[str, RunRecord] = {}

    def launch(batch: Sequence[Sequence[str]], first: int) -> None:
        for overrides in batch:
            made = composer.run(overrides)
            done[f"{made.execution.labels.arm}"] = run(made.config, made.execution)

    assert run_jobs(planner.phase_two(), launch) == []
    assert list(done) == ["naive_topk", "topk_percpos", "two_stages"]
    first, second = done["topk_percpos"], done["two_stages"]
    assert second.config["student"] == {"kind": "checkpoint", "run": first.run_id}
    assert second.artifacts["train"] != first.artifacts["train"]
    assert [*second.tasks] == ["nv_retriever_blended/test"]

    store = tmp_path / "outputs" / "store" / "train"
    before, after = (
        load_file(store / record.artifacts["train"] / "model" / "adapter_model.safetensors")
        for record in (first, second)
    )
    assert before.keys() == after.keys()
    assert all(torch.allclose(before[name], after[name], atol=1e-6) for name in before)
    assert any(before[name].any() for name in before if "lora_B" in name)

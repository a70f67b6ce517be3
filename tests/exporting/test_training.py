"""sentence-transformers' own trainer and loss on an exported data set give the student that the run has trained.

Equal where the semantics are: no document is masked (ours leaves out the query's other shown positives, theirs scores
them), temperature 1 / scale, one length for queries and passages, the same order of rows, steps and learning rates.
"""

from __future__ import annotations

from pathlib import Path

import datasets
import numpy as np
import pytest
import torch
from sentence_transformers import (
    SentenceTransformer,
    SentenceTransformerTrainer,
    SentenceTransformerTrainingArguments,
)
from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss

from experiments import export
from experiments.config import BeirData, InfoNCE, MiningConfig, TinyStudent
from experiments.identity import derive_seed
from experiments.models.student import build_student
from experiments.versions import TRAIN
from tests.helpers.beir import write_beir
from tests.helpers.exports import execution_in, finish

SETTINGS = InfoNCE(
    steps=6, batch_size=8, learning_rate=1e-3, warmup=0.2, dropout=0.0, query_length=32, passage_length=32
)


@pytest.mark.parametrize(("name", "negatives"), [("triplet", 1), ("n-tuple", 3)])
def test_their_trainer_on_the_export_gives_our_student(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, negatives: int
) -> None:
    write_beir(tmp_path / "toy", documents=600, train=24, dev=0, test=10, positives=2, duplicates=0, seed=7)
    record = finish(
        tmp_path,
        data=BeirData(name="toy", positives="one"),
        mining=MiningConfig(depth=30, num_negatives=negatives),
        train=SETTINGS,
    )
    assert record.training is not None
    assert record.training.masked == 0
    monkeypatch.setenv("BEIR_HOME", str(tmp_path))
    command = [record.run_id, "--store", str(tmp_path / "store"), "--device", "cpu", "--out"]
    assert export.main([*command, str(tmp_path / "rows"), "--format", name]) == 0
    assert export.main([*command, str(tmp_path / "student"), "--student"]) == 0
    theirs, losses = trained_by_them(tmp_path, datasets.load_from_disk(str(tmp_path / "rows")))
    assert losses == pytest.approx([loss for _, loss in record.training.loss], abs=2e-4)
    ours = SentenceTransformer(str(tmp_path / "student"), device="cpu", local_files_only=True)
    queries = datasets.load_from_disk(str(tmp_path / "rows"))["anchor"][:]
    before = build_student(TinyStudent(), execution=execution_in(tmp_path))
    found, expected, untrained = (model.encode(queries) for model in (theirs, ours, before))
    moved = np.abs(untrained - expected).max()
    assert moved > 0.05
    assert np.abs(found - expected).max() < moved / 50


def trained_by_them(root: Path, rows: datasets.Dataset) -> tuple[SentenceTransformer, list[float]]:
    """The tiny student after training on `rows` as a user of the library would, and the loss of every step."""
    torch.set_num_threads(1)
    model = build_student(TinyStudent(), execution=execution_in(root), dropout=0.0, attention="sdpa")
    model.max_seq_length = SETTINGS.passage_length
    seed = derive_seed(0, TRAIN.name)
    arguments = SentenceTransformerTrainingArguments(
        output_dir=str(root / "trainer"),
        max_steps=SETTINGS.steps,
        per_device_train_batch_size=SETTINGS.batch_size,
        dataloader_drop_last=True,
        learning_rate=SETTINGS.learning_rate,
        warmup_steps=SETTINGS.warmup_steps,
        optim="adamw_torch_fused",
        use_cpu=True,
        seed=seed,
        data_seed=seed,
        save_strategy="no",
        report_to="none",
        logging_steps=1,
        disable_tqdm=True,
    )
    loss = MultipleNegativesRankingLoss(model, scale=1 / SETTINGS.temperature)
    trainer = SentenceTransformerTrainer(model=model, args=arguments, train_dataset=rows, loss=loss)
    trainer.train()
    return model.eval(), [step["loss"] for step in trainer.state.log_history if "loss" in step]

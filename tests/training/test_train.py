"""Training: same seed same student, what names a student, budgets, facts, and what is refused."""

from __future__ import annotations

import math
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from experiments.config import Bm25Teacher, DistillKL, InfoNCE, MarginMSE, NaiveTopK, NoTraining, RunConfig, TopKPercPos
from experiments.errors import UserError
from experiments.ir import NO_DOCUMENT, Negatives
from experiments.models.lengths import set_lengths
from experiments.models.student import build_student
from experiments.records.facts import TrainingFacts
from experiments.stages.train import train, train_payload
from experiments.store import Artifact, Store, stage_key
from experiments.training.facts import is_collapsed
from experiments.training.guide import Guide
from experiments.training.rows import row_dataset
from tests.helpers.toy import scored, toy_collection, toy_config, toy_execution, toy_negatives

COLLECTION = toy_collection()
NEGATIVES = toy_negatives(COLLECTION)
NOTHING = np.zeros((1, 1), dtype=np.float32)
BASE = InfoNCE(steps=6, batch_size=8, learning_rate=1e-3, query_length=12, passage_length=16)


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def run_train(
    root: Path, config: RunConfig | None = None, negatives: Negatives = NEGATIVES, **options: Any
) -> tuple[Path, TrainingFacts, Artifact]:
    execution = toy_execution(root)
    arguments: dict[str, Any] = {"fitted": None, "on_log": lambda step, values: None, **options}
    return train(
        config=config or toy_config(train=BASE),
        collection=COLLECTION,
        negatives=negatives,
        store=Store(execution.store),
        execution=execution,
        **arguments,
    )


def weights(folder: Path) -> dict[str, Tensor]:
    return load_file(folder / "model.safetensors")


def base_weights(root: Path) -> dict[str, Tensor]:
    model = build_student(toy_config().student, execution=toy_execution(root))
    return dict(model[0].auto_model.state_dict())


def test_same_seed_same_student_bit_for_bit_even_after_other_draws(tmp_path: Path) -> None:
    first, _, _ = run_train(tmp_path / "a")
    torch.rand(7)
    np.random.random(3)  # noqa: NPY002
    run_train(tmp_path / "between", toy_config(train=BASE.model_copy(update={"precision": "bf16"})))
    second, _, _ = run_train(tmp_path / "b")
    other, _, _ = run_train(tmp_path / "c", toy_config(train=BASE, seed=1))
    one, two, three = weights(first), weights(second), weights(other)
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert not all(torch.equal(one[name], three[name]) for name in one)


def test_equal_rows_train_once_and_a_hit_gives_the_same_facts(tmp_path: Path) -> None:
    _, facts, artifact = run_train(tmp_path, toy_config(train=BASE, miner=NaiveTopK()))
    _, again, hit = run_train(tmp_path, toy_config(train=BASE, teacher=Bm25Teacher(), miner=TopKPercPos()))
    assert artifact.made
    assert not hit.made
    assert hit.key == artifact.key
    assert again == facts


def test_every_change_that_can_change_the_student_changes_its_name() -> None:
    def name(config: RunConfig | None = None, negatives: Negatives = NEGATIVES, fitted: Path | None = None) -> str:
        payload = train_payload(
            config=config or toy_config(train=BASE), collection=COLLECTION, negatives=negatives, fitted=fitted
        )
        return repr(sorted(payload.items()))

    swapped = replace(NEGATIVES, document=NEGATIVES.document[:, ::-1])
    names = [
        name(),
        name(negatives=NEGATIVES.take(np.arange(23))),
        name(negatives=swapped),
        name(negatives=NEGATIVES.take(np.arange(24)[::-1])),
        name(toy_config(train=BASE, seed=1)),
        name(toy_config(train=BASE.model_copy(update={"temperature": 0.02}))),
        name(fitted=Path("distill/abc/model")),
    ]
    assert len(set(names)) == len(names)
    texts = ("another text", *COLLECTION.corpus.texts[1:])
    changed = replace(COLLECTION, corpus=replace(COLLECTION.corpus, texts=texts))
    payload = train_payload(config=toy_config(train=BASE), collection=changed, negatives=NEGATIVES, fitted=None)
    assert repr(sorted(payload.items())) not in names


@pytest.mark.parametrize("kind", [MarginMSE, DistillKL])
def test_scores_that_are_learned_are_part_of_the_name(kind: type[MarginMSE] | type[DistillKL]) -> None:
    def name(negatives: Negatives) -> object:
        config = toy_config(train=kind())
        return train_payload(config=config, collection=COLLECTION, negatives=negatives, fitted=None)["labels"]

    first, other = scored(NEGATIVES), scored(NEGATIVES, seed=1)
    assert name(first) == name(scored(NEGATIVES)) != name(other)
    plain = [
        train_payload(config=toy_config(train=BASE), collection=COLLECTION, negatives=negatives, fitted=None)
        for negatives in (first, other)
    ]
    assert plain[0] == plain[1]
    assert "labels" not in plain[0]


def test_a_guides_vectors_are_part_of_the_name() -> None:
    def name(*keys: str) -> str:
        guide = Guide(query=NOTHING, document=NOTHING, keys=keys) if keys else None
        payload = train_payload(
            config=toy_config(train=BASE), collection=COLLECTION, negatives=NEGATIVES, fitted=None, guide=guide
        )
        return stage_key("train", payload)

    assert len({name(), name("a", "b"), name("a", "c")}) == 3


def test_the_name_of_a_student_from_before_masks_stands() -> None:
    """Students of committed records are found by it."""
    payload = train_payload(config=toy_config(train=BASE), collection=COLLECTION, negatives=NEGATIVES, fitted=None)
    assert stage_key("train", payload) == "f3a3af8f7d644e14"


def test_facts_are_what_was_logged(tmp_path: Path) -> None:
    logged: list[tuple[int, dict[str, float]]] = []
    settings = BASE.model_copy(update={"steps": 20, "warmup": 0.25, "learning_rate": 2e-3})
    _, facts, _ = run_train(
        tmp_path, toy_config(train=settings), on_log=lambda step, values: logged.append((step, values))
    )
    assert [step for step, _ in logged] == list(range(1, 21))
    assert facts.loss == tuple((step, values["loss"]) for step, values in logged)
    assert facts.final_loss == pytest.approx((facts.loss[-1][1] + facts.loss[-2][1]) / 2)
    assert facts.passes == pytest.approx(20 * 8 / 24)
    assert facts.final_loss < facts.loss[0][1]
    assert abs(facts.loss[0][1] - math.log(24)) < 2.0
    rates = dict(facts.learning_rate)
    assert max(rates.values()) == pytest.approx(2e-3)
    assert rates[20] == pytest.approx(2e-3 / 15)


def test_rows_are_reshuffled_every_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from experiments.training.collator import RowCollator

    seen: list[int] = []
    original = RowCollator.__call__

    def spy(self: RowCollator, rows: list[dict[str, Any]]) -> dict[str, Any]:
        seen.extend(row["label"] for row in rows)
        return original(self, rows)

    monkeypatch.setattr(RowCollator, "__call__", spy)
    run_train(tmp_path)
    passes = [seen[:24], seen[24:48]]
    assert all(sorted(one) == list(range(24)) for one in passes)
    assert passes[0] != passes[1]
    assert passes[0] != list(range(24))


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_precision_is_autocast_over_fp32_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, precision: str
) -> None:
    dtypes: set[torch.dtype] = set()
    original = torch.nn.functional.linear

    def spy(*arguments: Any) -> Tensor:
        result: Tensor = original(*arguments)
        dtypes.add(result.dtype)
        return result

    with monkeypatch.context() as patch:
        patch.setattr(torch.nn.functional, "linear", spy)
        patch.setattr("experiments.stages.train._mean_cosine", lambda *_: 0.0)
        folder, _, _ = run_train(tmp_path, toy_config(train=BASE.model_copy(update={"precision": precision})))
    assert dtypes == {torch.bfloat16 if precision == "bf16" else torch.float32}
    assert {tensor.dtype for tensor in weights(folder).values() if tensor.is_floating_point()} == {torch.float32}


def test_frozen_token_embeddings_stay_and_the_rest_moves(tmp_path: Path) -> None:
    folder, _, _ = run_train(tmp_path, toy_config(train=BASE.model_copy(update={"freeze_token_embeddings": True})))
    before, after = base_weights(tmp_path), weights(folder)
    assert torch.equal(before["embeddings.word_embeddings.weight"], after["embeddings.word_embeddings.weight"])
    name = "encoder.layer.0.attention.self.query.weight"
    assert not torch.equal(before[name], after[name])


def test_dropout_zero_is_the_loss_of_the_model_at_rest(tmp_path: Path) -> None:
    """With own negatives only and a batch of all rows, the first step's loss does not depend on the order of rows."""
    settings = BASE.model_copy(update={"steps": 1, "warmup": 0.0, "batch_size": 24, "in_batch": False, "dropout": 0.0})
    _, facts, _ = run_train(tmp_path, toy_config(train=settings))
    _, dropped, _ = run_train(tmp_path, toy_config(train=settings.model_copy(update={"dropout": None})))
    model = build_student(toy_config().student, execution=toy_execution(tmp_path))
    set_lengths(model, query=BASE.query_length, document=BASE.passage_length)
    rows = row_dataset(COLLECTION, NEGATIVES)
    query = torch.as_tensor(model.encode_query(rows["query"], show_progress_bar=False))
    texts = [text for documents in rows["documents"] for text in documents]
    document = torch.as_tensor(model.encode_document(texts, show_progress_bar=False)).view(24, 3, -1)
    at_rest = -torch.log_softmax(torch.einsum("bd,bnd->bn", query, document) / 0.05, dim=1)[:, 0].mean()
    assert facts.final_loss == pytest.approx(at_rest.item(), rel=1e-4)
    assert abs(dropped.final_loss - at_rest.item()) > 1e-3


def test_padded_rows_train(tmp_path: Path) -> None:
    document = NEGATIVES.document.copy()
    document[:5, 1] = NO_DOCUMENT
    document[3] = NO_DOCUMENT
    _, facts, _ = run_train(tmp_path, negatives=replace(NEGATIVES, document=document))
    assert math.isfinite(facts.final_loss)


def test_nothing_is_printed_and_no_checkpoint_is_left(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    _, _, artifact = run_train(tmp_path)
    out, err = capfd.readouterr()
    assert (out, err) == ("", "")
    assert {path.name for path in artifact.path.iterdir()} == {"model", "facts.json", "masked.npz", "artifact.json"}
    assert not list(artifact.path.rglob("*optimizer*"))


def test_fewer_rows_than_a_batch_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"7 training rows are fewer than train\.batch_size=8"):
        run_train(tmp_path, negatives=NEGATIVES.take(np.arange(7)))


def test_training_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="train=none trains nothing"):
        run_train(tmp_path, toy_config(train=NoTraining()))


def test_collapse_needs_chance_loss_and_parallel_documents() -> None:
    chance = math.log(96)
    assert is_collapsed(final_loss=chance * 1.005, scored=96, mean_cosine=0.99)
    assert not is_collapsed(final_loss=chance * 1.02, scored=96, mean_cosine=0.99)
    assert not is_collapsed(final_loss=chance, scored=96, mean_cosine=0.6)


def test_a_variable_of_accelerate_does_not_change_the_precision(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone, _, _ = run_train(tmp_path / "alone")
    monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", "bf16")
    told, _, _ = run_train(tmp_path / "told")
    assert os.environ["ACCELERATE_MIXED_PRECISION"] == "bf16"
    assert all(torch.equal(value, weights(told)[name]) for name, value in weights(alone).items())


def test_rows_come_in_one_order_whoever_tokenises_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The loader's workers of a GPU, started on the CPU."""
    alone, _, _ = run_train(tmp_path / "alone")
    monkeypatch.setattr("experiments.training.trainer.is_cuda", lambda _: True)
    helped, _, _ = run_train(tmp_path / "helped")
    assert all(torch.equal(value, weights(helped)[name]) for name, value in weights(alone).items())


def test_the_type_of_a_gpu_is_part_of_the_name() -> None:
    def payload(**device: str) -> dict[str, Any]:
        return train_payload(
            config=toy_config(train=BASE), collection=COLLECTION, negatives=NEGATIVES, fitted=None, **device
        )

    assert payload() == payload(device="cpu")
    assert payload(device="cuda") == payload(device="cuda:0") == {**payload(), "device": "cuda"}

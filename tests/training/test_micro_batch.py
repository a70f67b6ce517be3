"""A micro-batch and recomputed layers save memory and change no gradient: on small random BERTs and Mistrals."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from sentence_transformers import SentenceTransformer
from torch import Tensor, nn

from experiments.config import LowRankAdapter, ModelStudent
from experiments.errors import UserError
from experiments.execution import Execution
from experiments.models.lengths import set_lengths
from experiments.models.student import build_student, trainable
from experiments.training.cached import CachedLoss, in_micro_batches
from experiments.training.collator import RowCollator
from experiments.training.loss import InfoNCELoss
from experiments.training.rows import row_dataset, row_groups
from experiments.training.trainer import checkpointed
from tests.helpers.checkpoints import bert_folder, mistral_folder
from tests.helpers.toy import toy_collection, toy_negatives

COLLECTION = toy_collection(positives=2)
NEGATIVES = toy_negatives(COLLECTION)
ROWS = row_dataset(COLLECTION, NEGATIVES)
PROMPT = "Given a question, find the passage: "


@pytest.fixture(scope="module", params=["bert", "mistral"])
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> SentenceTransformer:
    """With dropout, an instruction that is not pooled, and for Mistral an adapter and both directions."""
    folder = tmp_path_factory.mktemp(request.param)
    here = Execution(device="cpu", model_paths={folder.name: folder}, progress=False)
    base: dict[str, Any] = {"name": folder.name, "source": "folder", "query_prompt": PROMPT, "pool_prompt": False}
    if request.param == "bert":
        bert_folder(folder, dropout=0.1)
        built = trainable(ModelStudent(**base), seed=0, execution=here)
    else:
        mistral_folder(folder, dropout=0.1)
        lora = LowRankAdapter(r=4, dropout=0.1, targets=("q_proj", "up_proj"))
        built = trainable(
            ModelStudent(**base, attention_direction="bidirectional", adapter=lora), seed=0, execution=here
        )
        for name, weight in built.named_parameters():
            if "lora_B" in name:
                weight.data.normal_(std=0.2, generator=torch.Generator().manual_seed(1))
    set_lengths(built, query=24, document=16)
    return built


def loss_of(model: SentenceTransformer, *, micro_batch: int | None = None, **settings: Any) -> nn.Module:
    arguments: dict[str, Any] = {"temperature": 0.05, "in_batch": True} | settings
    return in_micro_batches(InfoNCELoss(model, row_groups(COLLECTION, NEGATIVES), **arguments), micro_batch)


def gradients(
    model: SentenceTransformer, *, rows: int = 8, dropout: bool = False, recompute: bool = False, **settings: Any
) -> tuple[float, dict[str, Tensor]]:
    """The loss of the first rows, and its gradient in every trained weight."""
    batch = RowCollator(model)([ROWS[i] for i in range(rows)])
    features = [
        {name.removeprefix(f"{side}_"): value for name, value in batch.items() if name.startswith(f"{side}_")}
        for side in ("query", "document")
    ]
    model.train(dropout)
    model.zero_grad()
    torch.manual_seed(0)
    with checkpointed(model, on=recompute):
        loss = loss_of(model, **settings)(features, batch["label"])
        loss.backward()
    model.eval()
    return loss.item(), {name: w.grad.clone() for name, w in model.named_parameters() if w.grad is not None}


def assert_same(
    first: tuple[float, dict[str, Tensor]], second: tuple[float, dict[str, Tensor]], *, tolerance: float = 1e-5
) -> None:
    assert first[0] == pytest.approx(second[0], abs=tolerance)
    assert first[1].keys() == second[1].keys()
    scale = max(float(grad.abs().max()) for grad in first[1].values())
    assert scale > 1e-2
    for name, grad in first[1].items():
        assert torch.allclose(grad, second[1][name], atol=tolerance * max(1.0, scale)), name


@pytest.mark.parametrize("settings", [{}, {"in_batch": False}, {"hardness": 5.0}], ids=repr)
def test_a_micro_batch_gives_the_whole_batchs_gradients(model: SentenceTransformer, settings: dict[str, Any]) -> None:
    whole = gradients(model, **settings)
    for micro_batch in (3, 64):
        assert_same(whole, gradients(model, **settings, micro_batch=micro_batch))


def test_the_second_pass_draws_the_dropout_of_the_first(model: SentenceTransformer) -> None:
    """One micro-batch as large as a side's texts: the plain loss's own draws, so its own gradients."""
    whole = gradients(model, dropout=True)
    assert_same(whole, gradients(model, dropout=True, micro_batch=24))
    assert abs(whole[0] - gradients(model)[0]) > 1e-3


def test_recomputed_layers_give_the_same_gradients(model: SentenceTransformer) -> None:
    whole = gradients(model, dropout=True)
    assert_same(whole, gradients(model, dropout=True, recompute=True))
    both = gradients(model, dropout=True, recompute=True, micro_batch=24)
    assert_same(whole, both)


def test_fewer_texts_are_embedded_at_once(model: SentenceTransformer) -> None:
    sizes: list[tuple[int, bool]] = []
    hook = model.register_forward_hook(
        lambda _module, _inputs, out: sizes.append((len(out["sentence_embedding"]), torch.is_grad_enabled()))
    )
    gradients(model, micro_batch=5)
    hook.remove()
    assert [size for size, graph in sizes if graph] == [5, 3, 5, 5, 5, 5, 4]
    assert [size for size, graph in sizes if not graph] == [5, 3, 5, 5, 5, 5, 4]


def test_no_graph_no_second_pass(model: SentenceTransformer) -> None:
    batch = RowCollator(model)([ROWS[i] for i in range(4)])
    features = [
        {name.removeprefix(f"{side}_"): value for name, value in batch.items() if name.startswith(f"{side}_")}
        for side in ("query", "document")
    ]
    losses = []
    for micro_batch in (None, 2):
        with torch.no_grad():
            loss = loss_of(model, micro_batch=micro_batch)
            losses.append(loss(features, batch["label"]).item())
    assert isinstance(loss, CachedLoss)
    assert losses[0] == pytest.approx(losses[1], abs=1e-6)


def test_a_model_without_layers_is_refused() -> None:
    static = build_student(
        ModelStudent(name="static", source="embedded_static"), execution=Execution(device="cpu", progress=False)
    )
    with pytest.raises(UserError, match=r"train\.micro_batch: a static model"):
        loss_of(static, micro_batch=2)
    with (
        pytest.raises(UserError, match=r"train\.gradient_checkpointing=true: .* no transformer"),
        checkpointed(static, on=True),
    ):
        pass

"""The arithmetic of memory against what transformers, peft and autograd really hold."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, inject_adapter_in_model
from transformers import BertConfig, BertModel, MistralConfig, MistralModel, PreTrainedModel

from experiments.config import InfoNCE, LowRankAdapter, ModelStudent
from experiments.execution import Execution
from experiments.models.memory import (
    activations,
    adapter_parameters,
    autocast_copies,
    layer_activations,
    parameters,
    training_memory,
)
from experiments.models.shapes import DECLARED, Shape, from_config, shape_of
from tests.helpers.checkpoints import bert_folder, mistral_folder

MISTRAL = "mistralai/Mistral-7B-v0.1"
ALL = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
SMALL: dict[str, Any] = {"hidden_size": 64, "intermediate_size": 192, "num_hidden_layers": 2, "num_attention_heads": 4}


def on_paper(shape: Shape) -> PreTrainedModel:
    """The library's own model of these sizes, without memory for its weights."""
    common: dict[str, Any] = {
        "vocab_size": shape.vocabulary,
        "hidden_size": shape.hidden,
        "intermediate_size": shape.intermediate,
        "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.heads,
    }
    with torch.device("meta"):
        if shape.family == "mistral":
            return MistralModel(MistralConfig(**common, num_key_value_heads=shape.key_value_heads))
        return BertModel(BertConfig(**common))


def count(model: torch.nn.Module, *, trained: bool = False) -> int:
    return sum(weight.numel() for weight in model.parameters() if weight.requires_grad or not trained)


@pytest.mark.parametrize("name", list(DECLARED))
def test_weights_are_counted_as_transformers_has_them(name: str) -> None:
    assert parameters(DECLARED[name]) == count(on_paper(DECLARED[name]))


def test_mistrals_defaults_are_the_declared_sizes() -> None:
    assert from_config(MistralConfig().to_dict()) == DECLARED[MISTRAL]


@pytest.mark.parametrize("targets", [ALL, ("q_proj", "v_proj")])
def test_an_adapter_is_counted_as_peft_makes_it(targets: tuple[str, ...]) -> None:
    adapter = LowRankAdapter(targets=targets)
    model = inject_adapter_in_model(LoraConfig(r=16, target_modules=list(targets)), on_paper(DECLARED[MISTRAL]))
    assert adapter_parameters(DECLARED[MISTRAL], adapter) == count(model, trained=True)


def test_seven_billion_by_hand() -> None:
    """7.11 billion frozen weights in bf16, 42 million trained in fp32; one checkpointed micro-batch of 8 x 512."""
    adapter = LowRankAdapter(targets=ALL, base_precision="bf16")
    train = InfoNCE(
        batch_size=32,
        query_length=192,
        passage_length=512,
        precision="bf16",
        micro_batch=8,
        gradient_checkpointing=True,
    )
    memory = training_memory(DECLARED[MISTRAL], adapter=adapter, train=train, negatives=1, dropout=False)
    own = 32 * 16 * (2 * (4096 + 4096) + 2 * (4096 + 1024) + 3 * (4096 + 14336))
    assert own == 41_943_040
    assert memory.weights == 2 * 7_110_660_096 + (4 + 2) * own
    assert (memory.gradients, memory.optimizer) == (4 * own, 8 * own)
    tokens = 8 * 512
    inside = 8 * 4096 + 8 * 4096 + 6 * 14336 + 2 * (6 * 4096 + 14336 + 7 * 16)
    assert memory.activations == 32 * tokens * 4096 * 2 + tokens * inside
    assert memory.total == memory.weights + 12 * own + memory.activations


def kept_bytes(model: PreTrainedModel, *, texts: int, length: int, precision: str) -> int:
    """Bytes of all tensors, weights apart, that autograd keeps of one forward pass; shared memory counts once."""
    weights = {weight.untyped_storage().data_ptr() for weight in model.parameters()}
    kept: dict[int, int] = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = storage.nbytes()
        alive.append(tensor)
        return tensor

    alive: list[torch.Tensor] = []
    ids = torch.randint(0, 100, (texts, length), generator=torch.Generator().manual_seed(0))
    with (
        torch.autocast("cpu", dtype=torch.bfloat16, enabled=precision == "bf16"),
        torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor),
    ):
        mask = torch.ones_like(ids)
        mask[0, -1] = 0
        model(input_ids=ids, attention_mask=mask)
    return sum(kept.values())


def built(family: str, *, layers: int, lora: bool, precision: str, attention: str, dropout: float) -> PreTrainedModel:
    sizes = SMALL | {"num_hidden_layers": layers, "vocab_size": 100}
    torch.manual_seed(0)
    if family == "mistral":
        config: Any = MistralConfig(**sizes, num_key_value_heads=2, attention_dropout=dropout)
        model: PreTrainedModel = MistralModel._from_config(config, attn_implementation=attention)
    else:
        config = BertConfig(**sizes, hidden_dropout_prob=dropout, attention_probs_dropout_prob=dropout)
        model = BertModel._from_config(config, attn_implementation=attention)
    if lora:
        model = model.to(torch.bfloat16 if precision == "bf16" else torch.float32)
        targets = list(ALL) if family == "mistral" else ["query", "key", "value", "dense"]
        model = inject_adapter_in_model(LoraConfig(r=4, target_modules=targets), model)
        for weight in model.parameters():
            weight.data = weight.data.float() if weight.requires_grad else weight.data
    return model.train()


@pytest.mark.parametrize("family", ["bert", "mistral"])
@pytest.mark.parametrize("lora", [False, True])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_a_layer_keeps_what_autograd_keeps(family: str, lora: bool, precision: str, attention: str) -> None:
    """Within a tenth: the difference of two layers and one, so that embeddings and what comes after do not count."""
    texts, length = 4, 48
    one, two = (
        kept_bytes(
            built(family, layers=layers, lora=lora, precision=precision, attention=attention, dropout=0.0),
            texts=texts,
            length=length,
            precision=precision,
        )
        for layers in (1, 2)
    )
    shape = Shape(family, 1, 64, 192, 4, 2 if family == "mistral" else 4, vocabulary=100)  # type: ignore[arg-type]
    targets = ALL if family == "mistral" else ("query", "key", "value", "dense")
    adapter = LowRankAdapter(r=4, targets=targets, base_precision=precision) if lora else None  # type: ignore[arg-type]
    train = InfoNCE(precision=precision, attention=attention)  # type: ignore[arg-type]
    expected = texts * length * layer_activations(shape, adapter, train, length=length, dropout=False)
    copies = autocast_copies(shape, adapter, train.precision)
    assert expected + copies == pytest.approx(two - one, rel=0.1)


def test_what_saves_memory_saves_it() -> None:
    shape, adapter = DECLARED[MISTRAL], LowRankAdapter(targets=ALL)
    common: dict[str, Any] = {"adapter": adapter, "negatives": 1, "dropout": False}
    plain = activations(shape, train=InfoNCE(batch_size=32), **common)
    micro = activations(shape, train=InfoNCE(batch_size=32, micro_batch=8), **common)
    both = activations(shape, train=InfoNCE(batch_size=32, micro_batch=8, gradient_checkpointing=True), **common)
    assert plain == 12 * micro
    assert both < micro / 10


def test_sizes_are_read_where_they_are_at_hand(tmp_path: Path) -> None:
    here = Execution(model_paths={"one": mistral_folder(tmp_path / "one"), "two": bert_folder(tmp_path / "two")})
    for name in ("one", "two"):
        shape = shape_of(ModelStudent(name=name, source="folder"), execution=here)
        assert shape == from_config(json.loads((tmp_path / name / "config.json").read_text(encoding="utf-8")))
        assert shape is not None
        assert (shape.layers, shape.hidden) == (2, 32)
    minilm = ModelStudent(name="minilm_l3", source="embedded", layers=(0, 2, 5))
    assert shape_of(minilm, execution=here) == Shape("bert", 3, 384, 1536, 12, 12, 30522, 512, 2)
    assert shape_of(ModelStudent(name=MISTRAL), execution=here) == DECLARED[MISTRAL]
    assert shape_of(ModelStudent(name="nobody/unknown"), execution=here) is None
    assert shape_of(ModelStudent(name="static", source="embedded_static"), execution=here) is None

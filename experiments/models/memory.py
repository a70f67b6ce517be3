"""How much memory fine-tuning needs, by arithmetic: weights, gradients, optimizer states and activations.

An upper bound for its batch: every text counts at its full length. What the allocator, temporary buffers and the CUDA
context take comes on top. Counted after what autograd keeps (held against it in the tests).
"""

from __future__ import annotations

from dataclasses import dataclass

from experiments.config import LowRankAdapter, Precision, Training
from experiments.models.shapes import Shape

BYTES: dict[Precision, int] = {"fp32": 4, "bf16": 2}
FP32 = 4
ADAMW_STATES = 2
"""Numbers in fp32 that AdamW keeps for each trained one: two moments."""


@dataclass(frozen=True)
class Memory:
    """Bytes. activations: what a forward pass keeps for its backward pass, at its peak."""

    weights: int
    gradients: int
    optimizer: int
    activations: int

    @property
    def total(self) -> int:
        """Their sum."""
        return self.weights + self.gradients + self.optimizer + self.activations


def training_memory(
    shape: Shape, *, adapter: LowRankAdapter | None, train: Training, negatives: int, dropout: bool
) -> Memory:
    """Bytes to fine-tune a transformer with AdamW on `negatives` hard negatives a row.

    Without an adapter all weights are trained in fp32; with one its own are, over frozen weights in
    `adapter.base_precision`.
    """
    own = adapter_parameters(shape, adapter) if adapter is not None else 0
    base = parameters(shape)
    trained = own if adapter is not None else base
    frozen_bytes = BYTES[adapter.base_precision] if adapter is not None else FP32
    return Memory(
        weights=base * frozen_bytes + own * FP32 + autocast_copies(shape, adapter, train.precision),
        gradients=trained * FP32,
        optimizer=trained * FP32 * ADAMW_STATES,
        activations=activations(shape, adapter=adapter, train=train, negatives=negatives, dropout=dropout),
    )


def parameters(shape: Shape) -> int:
    """Weights of the transformer with its embeddings, and a BERT's pooler."""
    h, linears = shape.hidden, shape.linears().values()
    matrices = sum(inputs * outputs for inputs, outputs in linears)
    if shape.family == "mistral":
        return shape.vocabulary * h + shape.layers * (matrices + 2 * h) + h
    biases = sum(outputs for _, outputs in linears)
    tables = (shape.vocabulary + shape.positions + shape.token_types) * h + 2 * h
    pooler = h * h + h
    return tables + shape.layers * (matrices + biases + 4 * h) + pooler


def autocast_copies(shape: Shape, adapter: LowRankAdapter | None, precision: Precision) -> int:
    """Bytes of the bf16 copies that autocast makes of fp32 matrices and autograd keeps until the backward pass."""
    if precision == "fp32":
        return 0
    copied = adapter_parameters(shape, adapter) if adapter is not None else 0
    if adapter is None or adapter.base_precision == "fp32":
        copied += shape.layers * sum(inputs * outputs for inputs, outputs in shape.linears().values())
    return copied * BYTES["bf16"]


def adapter_parameters(shape: Shape, adapter: LowRankAdapter) -> int:
    """Weights of the two thin matrices beside every target."""
    return shape.layers * sum(
        adapter.r * (inputs + outputs) for inputs, outputs in adapted(shape, adapter.targets).values()
    )


def adapted(shape: Shape, targets: tuple[str, ...]) -> dict[str, tuple[int, int]]:
    """The linear layers of one block whose names end in a target."""
    return {
        name: size
        for name, size in shape.linears().items()
        if any(name == target or name.endswith(f".{target}") for target in targets)
    }


def activations(shape: Shape, *, adapter: LowRankAdapter | None, train: Training, negatives: int, dropout: bool) -> int:
    """Bytes kept at once: of all texts of the batch, or with a micro-batch of the larger one of the two sides.

    With gradient checkpointing a layer keeps its input alone, and one layer at a time is computed again.
    """
    documents = train.batch_size * (1 + negatives)
    kept = 0
    for texts, length in ((train.batch_size, train.query_length), (documents, train.passage_length)):
        at_once = texts if train.micro_batch is None else min(texts, train.micro_batch)
        per_layer = at_once * length * layer_activations(shape, adapter, train, length=length, dropout=dropout)
        if train.gradient_checkpointing:
            side = shape.layers * at_once * length * shape.hidden * residual_bytes(adapter) + per_layer
        else:
            side = shape.layers * per_layer
        kept = kept + side if train.micro_batch is None else max(kept, side)
    return kept


def residual_bytes(adapter: LowRankAdapter | None) -> int:
    """Bytes of a number between two layers: it has the dtype of the embeddings, autocast or not."""
    return BYTES[adapter.base_precision] if adapter is not None else FP32


def layer_activations(
    shape: Shape, adapter: LowRankAdapter | None, train: Training, *, length: int, dropout: bool
) -> int:
    """Bytes that one layer keeps for each token of a text of `length` tokens."""
    number = BYTES[train.precision]
    h, i = shape.hidden, shape.intermediate
    kept = 4 * h * number + linear_inputs(shape, adapter, train.precision)  # queries, keys, values, what comes out
    if train.attention == "eager":
        wide = shape.family == "mistral" or residual_bytes(adapter) == FP32
        kept += shape.heads * length * probability_bytes(number, wide=wide, dropout=dropout)
    if shape.family == "mistral":
        norms = 2 * h * FP32 * (1 if adapter is not None else 2)  # computed in fp32; a trained scale keeps its input
        return kept + norms + 3 * i * number  # the gate, its SiLU, what it gates
    masks = 2 * h if dropout else 0
    return kept + 2 * h * residual_bytes(adapter) + masks + i * number  # the inputs of the norms and of the GELU


def probability_bytes(number: int, *, wide: bool, dropout: bool) -> int:
    """Bytes of one attention weight, which only eager attention keeps; `wide`: the softmax is in fp32, then cast."""
    softmax = FP32 + number if wide and number != FP32 else number
    return softmax + (number + 1 if dropout else 0)


def linear_inputs(shape: Shape, adapter: LowRankAdapter | None, precision: Precision) -> int:
    """Bytes per token of the inputs that linear layers keep: those whose own or whose adapter's weights are trained.

    In fp32 layers that read the same input share it. Under autocast each keeps its own copy in bf16; the output of
    attention, which is kept anyway, is copied for an adapter only.
    """
    number, linears = BYTES[precision], shape.linears()
    targets = linears if adapter is None else adapted(shape, adapter.targets)
    thin = 0 if adapter is None else len(targets) * adapter.r * number
    inputs = {name: size for name, (size, _) in targets.items()}
    if adapter is None or precision == "fp32":
        inputs = {name: size for name, size in inputs.items() if name not in {"o_proj", "attention.output.dense"}}
    if precision == "fp32":
        inputs = {_source(name): size for name, size in inputs.items()}
    return sum(inputs.values()) * number + thin


def _source(name: str) -> str:
    """Which input a layer reads: queries, keys and values read one, gate and up another."""
    if name.rpartition(".")[2] in {"q_proj", "k_proj", "v_proj", "query", "key", "value"}:
        return "attention"
    return "mlp" if name in {"gate_proj", "up_proj"} else name

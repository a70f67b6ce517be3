"""The sizes of a transformer, from its config: read where it is at hand, declared here where a hub would be asked."""

from __future__ import annotations

import importlib.util
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from experiments.config import Encoder
from experiments.execution import Execution
from experiments.models.weights import EMBEDDED_NAME, EMBEDDED_PACKAGE

Family = Literal["bert", "mistral"]


@dataclass(frozen=True)
class Shape:
    """family: "bert" (LayerNorm, biases, GELU) or "mistral" (RMSNorm, no biases, a gated MLP, shared keys and values).

    vocabulary, positions, token_types: rows of the embedding tables; a Mistral has no table of positions (0).
    """

    family: Family
    layers: int
    hidden: int
    intermediate: int
    heads: int
    key_value_heads: int
    vocabulary: int
    positions: int = 0
    token_types: int = 0

    @property
    def head(self) -> int:
        """Dimensions of one head."""
        return self.hidden // self.heads

    def linears(self) -> dict[str, tuple[int, int]]:
        """The linear layers of one block: name -> (inputs, outputs)."""
        h, i, kv = self.hidden, self.intermediate, self.key_value_heads * self.head
        if self.family == "mistral":
            attention = {"q_proj": (h, h), "k_proj": (h, kv), "v_proj": (h, kv), "o_proj": (h, h)}
            return attention | {"gate_proj": (h, i), "up_proj": (h, i), "down_proj": (i, h)}
        attention = {f"attention.self.{name}": (h, h) for name in ("query", "key", "value")}
        return attention | {
            "attention.output.dense": (h, h),
            "intermediate.dense": (h, i),
            "output.dense": (i, h),
        }


def bert(*, layers: int, hidden: int, heads: int) -> Shape:
    """A BERT of the usual proportions over the uncased English vocabulary."""
    return Shape("bert", layers, hidden, 4 * hidden, heads, heads, vocabulary=30522, positions=512, token_types=2)


DECLARED = {
    EMBEDDED_NAME: bert(layers=6, hidden=384, heads=12),
    "intfloat/e5-small-unsupervised": bert(layers=12, hidden=384, heads=12),
    "intfloat/e5-base-unsupervised": bert(layers=12, hidden=768, heads=12),
    "intfloat/e5-large-unsupervised": bert(layers=24, hidden=1024, heads=16),
    "mistralai/Mistral-7B-v0.1": Shape("mistral", 32, 4096, 14336, 32, 8, vocabulary=32000),
}
"""As their config.json files have it; used where no hub is asked."""


def shape_of(encoder: Encoder, *, execution: Execution) -> Shape | None:
    """The sizes of an encoder's transformer, of the layers that are kept; None where nothing here tells them.

    A folder's, a cached hub model's and the embedded model's config.json is read; no network is used.
    """
    if encoder.source == "embedded_static":
        return None
    found = _config_file(encoder, execution)
    shape = from_config(json.loads(found.read_text(encoding="utf-8"))) if found is not None else None
    shape = shape or DECLARED.get(encoder.name)
    return replace(shape, layers=len(encoder.layers)) if shape is not None and encoder.layers is not None else shape


def from_config(config: dict[str, Any]) -> Shape | None:
    """The sizes that a transformers config.json names; None for an architecture that is not counted here."""
    kind = config.get("model_type")
    if kind not in {"bert", "mistral"}:
        return None
    heads = config["num_attention_heads"]
    return Shape(
        family="bert" if kind == "bert" else "mistral",
        layers=config["num_hidden_layers"],
        hidden=config["hidden_size"],
        intermediate=config["intermediate_size"],
        heads=heads,
        key_value_heads=config.get("num_key_value_heads", heads),
        vocabulary=config["vocab_size"],
        positions=config["max_position_embeddings"] if kind == "bert" else 0,
        token_types=config["type_vocab_size"] if kind == "bert" else 0,
    )


def _config_file(encoder: Encoder, execution: Execution) -> Path | None:
    if encoder.source == "embedded":
        spec = importlib.util.find_spec(EMBEDDED_PACKAGE)
        path = Path(spec.origin).parent / "model" / "config.json" if spec is not None and spec.origin else None
    elif encoder.source == "folder":
        path = execution.model_paths[encoder.name] / "config.json" if encoder.name in execution.model_paths else None
    else:
        from huggingface_hub import try_to_load_from_cache

        cached = try_to_load_from_cache(encoder.name, "config.json", revision=encoder.revision)
        path = Path(cached) if isinstance(cached, str) else None
    return path if path is not None and path.is_file() else None

"""How a loaded model reads a text: its layers, pooling, length, prompts and last module."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from experiments.config import Encoder
from experiments.errors import UserError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from torch import nn
    from transformers import PreTrainedModel


def backbone_of(model: SentenceTransformer, *, what: str) -> PreTrainedModel:
    """The transformer inside a model. Raises UserError where there is none; `what` is the setting that needs one."""
    backbone: PreTrainedModel | None = getattr(model[0], "auto_model", None)
    if backbone is None:
        raise UserError(f"{what}: the model is a {type(model[0]).__name__}, which has no transformer")
    return backbone


def positions_of(model: SentenceTransformer) -> int | None:
    """How many tokens the model has positions for; None = no limit of that kind."""
    backbone = getattr(model[0], "auto_model", None)
    return getattr(backbone.config, "max_position_embeddings", None) if backbone is not None else None


def freeze_token_embeddings(model: SentenceTransformer) -> None:
    """Keep the token embeddings as they are in training. Raises UserError for a model that has nothing else."""
    backbone_of(model, what="train.freeze_token_embeddings=true").get_input_embeddings().requires_grad_(False)


def let_pad(model: SentenceTransformer) -> None:
    """Give a tokenizer without a padding token (Mistral's has none) its end token for it; padding is masked anyway."""
    tokenizer: Any = getattr(model[0], "tokenizer", None)
    if getattr(tokenizer, "pad_token", "[PAD]") is None:
        tokenizer.pad_token = tokenizer.eos_token


def keep_layers(transformer: nn.Module, layers: tuple[int, ...]) -> None:
    """Keep the named layers of a BERT-like encoder, in the given order. Raises UserError for a layer it has not."""
    from torch import nn

    stack = getattr(getattr(transformer, "encoder", None), "layer", None)
    if not isinstance(stack, nn.ModuleList):
        raise UserError(
            f"layers={list(layers)}: {type(transformer).__name__} has no encoder.layer to choose from: use null"
        )
    if not layers or max(layers) >= len(stack):
        raise UserError(f"layers={list(layers)}: the model has layers 0 to {len(stack) - 1}")
    transformer.encoder.layer = nn.ModuleList(stack[index] for index in layers)  # type: ignore[union-attr]
    transformer.config.num_hidden_layers = len(layers)  # type: ignore[union-attr]


def set_pooling(model: SentenceTransformer, pooling: str) -> None:
    """Replace the pooling mode (mean | cls | lasttoken). Raises UserError for a model without a pooling module."""
    from sentence_transformers.sentence_transformer.modules import Pooling

    for index, module in enumerate(model):
        if isinstance(module, Pooling):
            model[index] = Pooling(
                module.embedding_dimension, pooling_mode=pooling, include_prompt=module.include_prompt
            )
            return
    raise UserError(f"pooling={pooling}: this model pools by itself: use pooling=null")


def set_max_length(model: SentenceTransformer, max_length: int) -> None:
    """Cut texts at `max_length` tokens, prompt included. Raises UserError beyond the model's positions."""
    positions = positions_of(model)
    if positions is not None and max_length > positions:
        raise UserError(f"max_length={max_length}: the model has {positions} positions: use {positions} or fewer")
    model.max_seq_length = max_length


def finish(model: SentenceTransformer, encoder: Encoder) -> SentenceTransformer:
    """Prompts and the last module, unit vectors or not, as the config says and not as the files do."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Normalize

    modules = [module for module in model if not isinstance(module, Normalize)]
    if encoder.normalize:
        modules.append(Normalize())
    with quiet_loading():
        finished = SentenceTransformer(
            modules=modules,
            device=str(model.device),
            prompts={"query": encoder.query_prompt, "document": encoder.document_prompt},
            similarity_fn_name="cosine" if encoder.normalize else "dot",
        )
    return finished.eval()


@contextlib.contextmanager
def quiet_loading() -> Iterator[None]:
    """No bar for a load of 0.1 s, no warning that bf16 was asked for on a CPU (it is twice as fast on those we use)."""
    from transformers.utils import logging as transformers_logging

    logger = logging.getLogger("sentence_transformers.base.model")
    level, bar = logger.level, transformers_logging.is_progress_bar_enabled()
    logger.setLevel(logging.ERROR)
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        logger.setLevel(level)
        if bar:
            transformers_logging.enable_progress_bar()

"""Attention in both directions for decoders such as Mistral.

transformers builds a Mistral's mask in one function, `masking_utils.create_causal_mask` (or, with a sliding window,
`create_sliding_window_causal_mask`). Where the model's config says is_causal=False both hand over to their
bidirectional counterparts, and `merge_with_config_defaults` passes the same word on to the attention kernels, which
would else mask a batch without padding by themselves. That field of the config is the one place that is changed here;
whether the change took hold is asked of the model itself, since another release could ignore it in silence.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from experiments.errors import UserError
from experiments.models.reading import backbone_of

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from transformers import PreTrainedModel

PROBE = 4
"""Tokens of the sequence that tells whether a model looks ahead."""


def look_both_ways(model: SentenceTransformer, *, name: str) -> None:
    """Let every token attend to all others. Raises UserError where the installed transformers will not do it."""
    import transformers

    backbone = backbone_of(model, what="attention_direction=bidirectional")
    backbone.config.is_causal = False
    if not looks_ahead(backbone):
        raise UserError(
            f"attention_direction=bidirectional has no effect on {name} ({type(backbone).__name__} of transformers "
            f"{transformers.__version__}): use a model that heeds config.is_causal, such as Mistral"
        )


def looks_ahead(backbone: PreTrainedModel) -> bool:
    """True when the first token's vector depends on the last token, in a batch without padding and in one with.

    Told by the gradient, which is exactly zero behind a causal mask, in any precision.
    """
    import torch

    width = backbone.get_input_embeddings().weight.shape[1]
    padded = torch.ones(2, PROBE, dtype=torch.long, device=backbone.device)
    padded[1, -1] = 0
    for mask in (torch.ones_like(padded), padded):
        tokens = torch.linspace(-1, 1, 2 * PROBE * width, device=backbone.device, dtype=backbone.dtype)
        tokens = tokens.view(2, PROBE, width).requires_grad_()
        with torch.enable_grad():
            first = backbone(inputs_embeds=tokens, attention_mask=mask).last_hidden_state[0, 0]
            (slope,) = torch.autograd.grad(first.sum(), tokens)
        if not bool(slope[0, -1].any()):
            return False
    return True

"""Prompts that are read but not pooled: the model attends to an instruction, the vector is the mean over the text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from experiments.errors import UserError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


def pool_without_prompt(model: SentenceTransformer) -> None:
    """Leave the tokens of the model's prompts out of its pooling. Raises UserError for a model that pools by itself."""
    from sentence_transformers.sentence_transformer.modules import Pooling

    if not any(isinstance(module, Pooling) for module in model):
        raise UserError("pool_prompt=false: this model pools by itself: use pool_prompt=true")
    model.set_pooling_include_prompt(False)
    measure_prompts(model)


def measure_prompts(model: SentenceTransformer) -> None:
    """Tell the model how many tokens each of its prompts has.

    sentence-transformers tokenises the prompt alone. A SentencePiece tokenizer (Mistral's) gives "query: " a token for
    its last space, which "query: text" does not have, so that the text's first token would be left out, too: the prompt
    is measured without it. Raises RuntimeError where the library no longer keeps these lengths.
    """
    module = model[0]
    if not hasattr(module, "_prompt_length_mapping"):
        raise RuntimeError("sentence-transformers no longer keeps Transformer._prompt_length_mapping: pin 6.2")
    for prompt in filter(None, model.prompts.values()):
        module._prompt_length_mapping[(prompt,)] = _tokens(model, prompt.rstrip())


def _tokens(model: SentenceTransformer, prompt: str) -> int:
    """Tokens of the prompt, special ones in front counted, those behind it not."""
    tokenizer = model[0].tokenizer
    ids = tokenizer(prompt, verbose=False)["input_ids"]
    return len(ids) - (ids[-1] in tokenizer.all_special_ids)

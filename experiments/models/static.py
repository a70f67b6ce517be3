"""Models that are a mean of token embeddings: where they come from, and how they cut texts.

sentence-transformers' StaticEmbedding reads a text to its end, whatever its length: `StaticReader` cuts it, queries and
documents apart, as a transformer's module does. It is put in place of the library's when a model is loaded, and the
library's own is what is saved.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import StaticEmbedding
from tokenizers import Tokenizer
from torch import Tensor

from experiments.config import Precision

TOKEN_EMBEDDINGS = "embeddings.word_embeddings.weight"


class StaticReader(StaticEmbedding):  # type: ignore[misc]
    """The mean of a text's token embeddings, the text cut at so many tokens, prompt included; no special tokens.

    query_length and document_length apply by task, `max_length` where they are None; None there, too = the whole text.
    """

    def __init__(self, tokenizer: Tokenizer, weights: Tensor) -> None:
        super().__init__(tokenizer, embedding_weights=weights)
        cut = self.tokenizer.truncation
        self.tokenizer.no_truncation()
        self.max_length: int | None = cut["max_length"] if cut else None
        self.query_length: int | None = None
        self.document_length: int | None = None

    def preprocess(
        self, inputs: list[str], prompt: str | None = None, *, task: str | None = None, **_: Any
    ) -> dict[str, Tensor]:
        """Token ids of all texts one after another, and where each text begins: (B,)."""
        rows = token_ids(self.tokenizer, [f"{prompt or ''}{text}" for text in inputs])
        by_task = {"query": self.query_length, "document": self.document_length}.get(task or "")
        cut = [row[: by_task or self.max_length] for row in rows]
        sizes = torch.tensor([0, *(len(row) for row in cut[:-1])])
        ids = torch.tensor([token for row in cut for token in row], dtype=torch.long)
        return {"input_ids": ids, "offsets": sizes.cumsum(0)}

    @property
    def max_seq_length(self) -> float:
        """Tokens at which a text is cut; infinite where it is not."""
        return math.inf if self.max_length is None else self.max_length

    @max_seq_length.setter
    def max_seq_length(self, value: int | None) -> None:
        self.max_length = value


def token_ids(tokenizer: Tokenizer, texts: Sequence[str]) -> list[list[int]]:
    """Uncut token ids of every text, without special tokens."""
    return [encoding.ids for encoding in tokenizer.encode_batch(list(texts), add_special_tokens=False)]


def static_of(folder: Path) -> StaticReader:
    """The token embeddings and the tokenizer of a BERT's folder, read whole: the cut in its tokenizer is not kept."""
    with safe_open(folder / "model.safetensors", framework="pt") as weights:
        embeddings = weights.get_tensor(TOKEN_EMBEDDINGS)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_truncation()
    return StaticReader(tokenizer, embeddings.float())


def with_static_reader(model: SentenceTransformer, *, precision: Precision) -> SentenceTransformer:
    """`model` itself; a static one reads through StaticReader, its weights in `precision`."""
    first = model[0]
    if not isinstance(first, StaticEmbedding):
        return model
    if not isinstance(first, StaticReader):
        model[0] = StaticReader(first.tokenizer, first.embedding.weight.detach())
    return model.to(torch.bfloat16 if precision == "bf16" else torch.float32)


def as_saved(model: SentenceTransformer) -> SentenceTransformer:
    """`model` itself; a static one with the library's module in place of ours, so that any software can read it."""
    first = model[0]
    if not isinstance(first, StaticReader):
        return model
    plain = StaticEmbedding(first.tokenizer, embedding_weights=first.embedding.weight.detach())
    return SentenceTransformer(
        modules=[plain, *list(model)[1:]],
        device=str(model.device),
        prompts=model.prompts,
        similarity_fn_name=model.similarity_fn_name,
    )

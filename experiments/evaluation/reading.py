"""How a student reads texts when it is measured: at which lengths, in which precision, and how many texts are cut."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from experiments.config import Precision, RunConfig

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

Side = Literal["query", "document"]
CHUNK = 4096
"""Texts that are tokenised at once, to bound memory."""
UNLIMITED = 10**9
"""A tokenizer without a limit gives a number beyond this one."""


@dataclass(frozen=True)
class Reading:
    """Tokens a query and a passage are cut at (None = the model's own limit), and the dtype of the weights."""

    query_length: int | None
    passage_length: int | None
    precision: Precision


@dataclass(frozen=True)
class Cut:
    """Of `texts` texts, `cut` were longer than `length` tokens, prompt included (None = no limit)."""

    length: int | None
    cut: int
    texts: int

    @property
    def share(self) -> float:
        """Of the texts, how many were cut; 0 of none."""
        return self.cut / self.texts if self.texts else 0.0


def reading_of(config: RunConfig) -> Reading:
    """As `evaluation` says, whatever the training lengths: every arm is read alike, trained or not."""
    asked = config.evaluation
    return Reading(query_length=asked.query_length, passage_length=asked.passage_length, precision=asked.precision)


def cut_of(model: SentenceTransformer, texts: Sequence[str], side: Side) -> Cut:
    """The length in force on `side`, and how many of `texts` have more tokens, prompt included."""
    length = _length(model, side)
    prompt = model.prompts.get(side) or ""
    cut = 0
    if length is None:
        return Cut(length, cut, len(texts))
    for start in range(0, len(texts), CHUNK):
        cut += sum(count > length for count in _tokens(model.tokenizer, prompt, texts[start : start + CHUNK]))
    return Cut(length, cut, len(texts))


def pooled(parts: Sequence[Cut]) -> Cut:
    """Of one or more sets of texts read at one length, the sum."""
    (length,) = {part.length for part in parts}
    return Cut(length, sum(part.cut for part in parts), sum(part.texts for part in parts))


def _length(model: SentenceTransformer, side: Side) -> int | None:
    module: Any = model[0]
    asked = module.query_length if side == "query" else module.document_length
    length = asked if asked is not None else model.max_seq_length
    return None if length is None or length > UNLIMITED else int(length)


def _tokens(tokenizer: Any, prompt: str, texts: Sequence[str]) -> list[int]:
    """Tokens of every text, uncut, with prompt and special tokens."""
    options = {"padding": False, "truncation": False, "verbose": False}
    encoded = tokenizer(
        [prompt + text for text in texts], return_attention_mask=False, return_token_type_ids=False, **options
    )
    return [len(ids) for ids in encoded["input_ids"]]

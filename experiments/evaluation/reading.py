"""How a student reads texts when it is measured: at which lengths, in which precision, and how many texts are cut."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from experiments.config import Precision, RunConfig
from experiments.models.encoding import Role, token_lengths

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

UNLIMITED = 10**9
"""A tokenizer without a limit gives a number beyond this one."""


@dataclass(frozen=True)
class Reading:
    """Tokens a query and a passage are cut at (None = the model's own limit), and the dtype of the weights.

    share_texts: in bf16, a passage of an earlier collection keeps the vector that it got there.
    """

    query_length: int | None
    passage_length: int | None
    precision: Precision
    share_texts: bool = False


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
    return Reading(
        query_length=asked.query_length,
        passage_length=asked.passage_length,
        precision=asked.precision,
        share_texts=asked.share_texts and asked.precision == "bf16",
    )


def cut_of(model: SentenceTransformer, lengths: npt.NDArray[np.int64], role: Role) -> Cut:
    """How many texts of so many tokens, prompt included, are longer than what is in force for `role`."""
    length = _length(model, role)
    return Cut(length, 0 if length is None else int(np.sum(lengths > length)), len(lengths))


def pooled(parts: Sequence[Cut]) -> Cut:
    """Of one or more sets of texts read at one length, the sum."""
    (length,) = {part.length for part in parts}
    return Cut(length, sum(part.cut for part in parts), sum(part.texts for part in parts))


def prompted_lengths(model: SentenceTransformer, texts: Sequence[str], role: Role) -> npt.NDArray[np.int64]:
    """Tokens of each text with the prompt of `role`, before it is cut: (n,)."""
    prompt = model.prompts.get(role) or ""
    return token_lengths(model, [prompt + text for text in texts])


def _length(model: SentenceTransformer, role: Role) -> int | None:
    module: Any = model[0]
    asked = module.query_length if role == "query" else module.document_length
    length = asked if asked is not None else model.max_seq_length
    return None if length is None or length > UNLIMITED else int(length)

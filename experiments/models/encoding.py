"""Texts to vectors in batches of similar token length, by the library's own `encode_query` and `encode_document`."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from experiments.errors import UserError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

Role = Literal["query", "document"]
TOKENIZED_AT_ONCE = 1024
"""Texts whose tokens are held at once while their lengths are taken."""


def encode_batches(
    model: SentenceTransformer,
    texts: Sequence[str],
    *,
    role: Role,
    batch_size: int,
    name: str,
    lengths: npt.NDArray[np.int64] | None = None,
) -> Iterator[tuple[npt.NDArray[np.intp], npt.NDArray[np.float32]]]:
    """Batch after batch, the longest texts first: their positions in `texts` (b,), and their vectors (b, d) float32.

    Each call of the library holds exactly one batch, since within a call it sorts by characters: of 768 passages of
    squad in batches of 32, 17.8% of all tokens were padding, in this order 2.9% (1.16 times as fast; no faster on
    nfcorpus, most of whose texts are cut at one length). `lengths`: their tokens, (n,), where these are known. Raises
    UserError, naming `name` and the text, for a vector with a number that is not finite.
    """
    order = longest_first(token_lengths(model, texts) if lengths is None else lengths)
    for start in range(0, len(order), batch_size):
        positions = order[start : start + batch_size]
        yield positions, encode_batch(model, [texts[i] for i in positions], role=role, name=name)


def encode_batch(model: SentenceTransformer, batch: list[str], *, role: Role, name: str) -> npt.NDArray[np.float32]:
    """Vectors (b, d) float32 of texts in one batch. Raises UserError as `encode_batches` does."""
    encode = model.encode_query if role == "query" else model.encode_document
    vectors = np.asarray(encode(batch, batch_size=len(batch), show_progress_bar=False), dtype=np.float32)
    check_finite(vectors, batch, role=role, name=name)
    return vectors


def longest_first(lengths: npt.NDArray[np.int64]) -> npt.NDArray[np.intp]:
    """The order in which texts are batched, equal lengths in the given order: positions (n,)."""
    return np.argsort(-lengths, kind="stable")


def token_lengths(model: SentenceTransformer, texts: Sequence[str]) -> npt.NDArray[np.int64]:
    """Tokens of each text before it is cut, without a prompt: (n,); characters where there is no tokenizer to ask."""
    count = _counter(getattr(model[0], "tokenizer", None))
    if count is None:
        return np.fromiter((len(text) for text in texts), dtype=np.int64, count=len(texts))
    lengths = np.empty(len(texts), dtype=np.int64)
    for start in range(0, len(texts), TOKENIZED_AT_ONCE):
        chunk = list(texts[start : start + TOKENIZED_AT_ONCE])
        lengths[start : start + len(chunk)] = count(chunk)
    return lengths


def _counter(tokenizer: object) -> Callable[[list[str]], list[int]] | None:
    """How a model's tokenizer counts the tokens of some texts; None where it cannot be asked."""
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerBase

    from experiments.models.static import token_ids

    if isinstance(tokenizer, Tokenizer):
        return lambda texts: [len(ids) for ids in token_ids(tokenizer, texts)]
    if isinstance(tokenizer, PreTrainedTokenizerBase):
        ask = functools.partial(tokenizer, padding=False, truncation=False, return_attention_mask=False, verbose=False)
        return lambda texts: [len(ids) for ids in ask(texts)["input_ids"]]
    return None


def check_finite(vectors: npt.NDArray[np.float32], texts: Sequence[str], *, role: Role, name: str) -> None:
    """Raises UserError for the first text whose row of (n, d) holds NaN or an infinity: no ranking holds it."""
    broken = np.nonzero(~np.isfinite(vectors).all(axis=1))[0]
    if len(broken):
        raise UserError(
            f"{name} gives a vector with NaN or infinite numbers for {len(broken)} of {len(texts)} texts encoded "
            f"together, first for the {role} {first_words(texts[broken[0]])}: use fp32, or another model"
        )


def unit(vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Rows of length 1; a zero row stays zero."""
    lengths: npt.NDArray[np.float32] = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.divide(vectors, np.maximum(lengths, np.float32(1e-12)))


def first_words(text: str, *, limit: int = 60) -> str:
    """The beginning of a text in quotation marks, on one line."""
    line = " ".join(text.split())
    return repr(line if len(line) <= limit else line[: limit - 3] + "...")

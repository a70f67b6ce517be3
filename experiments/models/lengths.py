"""Where texts are cut: one pair of lengths on the model, which training and encoding both obey."""

from __future__ import annotations

from typing import TYPE_CHECKING

from experiments.errors import UserError
from experiments.models.reading import positions_of

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


def set_lengths(model: SentenceTransformer, *, query: int | None, document: int | None) -> None:
    """Cut queries and documents at so many tokens, prompt included; None = the model's own limit.

    Raises UserError for a length beyond the model's positions or for a model that cannot cut.
    """
    module = model[0]
    if not hasattr(module, "query_length"):
        raise UserError(f"{type(module).__name__} cannot cut queries and passages apart: use a transformer model")
    positions = positions_of(model)
    for name, length in (("query_length", query), ("passage_length", document)):
        if positions is not None and length is not None and length > positions:
            raise UserError(f"{name}={length}: the model has {positions} positions: use {positions} or fewer")
    module.query_length, module.document_length = query, document

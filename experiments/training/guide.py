"""The vectors of a guide, which says what in a batch looks relevant."""

from __future__ import annotations

from dataclasses import dataclass

from experiments.ir import Scores


@dataclass(frozen=True)
class Guide:
    """query: (Q, d), document: (N, d) float32, of all training queries and of the corpus. keys: what names them."""

    query: Scores
    document: Scores
    keys: tuple[str, ...]

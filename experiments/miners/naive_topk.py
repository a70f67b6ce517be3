"""Naive Top-K: the candidates most similar to the query, positive scores ignored."""

from __future__ import annotations

from experiments.miners.rule import Rule


def rule() -> Rule:
    """Everything survives."""
    return Rule()

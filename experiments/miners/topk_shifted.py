"""Top-K shifted by N: the first N candidates are ignored."""

from __future__ import annotations

from experiments.miners.rule import Rule


def rule(shift: int) -> Rule:
    """Ranks 1 to `shift`, counted after the exclusions, are rejected."""
    return Rule(floor=shift)

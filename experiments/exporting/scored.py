"""Which rows have scores that may stand side by side."""

from __future__ import annotations

from typing import Literal

import numpy as np

from experiments.errors import UserError
from experiments.ir import NO_DOCUMENT, Negatives

Comparing = Literal["row", "all"] | None
"""Whose scores a format puts side by side: those of one row, of all rows, or a negative's and its own positive's."""


def why_unscored(negatives: Negatives, *, comparing: Comparing) -> str:
    """What keeps the negatives from being written with scores, "" where nothing does."""
    there = negatives.document != NO_DOCUMENT
    missing = int((there & np.isnan(negatives.gap)).sum())
    if missing:
        return f"{missing} of {int(there.sum())} negatives have no teacher's score (drawn at random, or filled up)"
    first = negatives.teacher[:, :1] if comparing == "row" else negatives.teacher[:1, :1]
    if comparing is not None and (there & (negatives.teacher != first)).any():
        where = "a row's negatives" if comparing == "row" else "the negatives"
        return f"{where} come from several teachers, whose scores are not compared"
    return ""


def check_scored(negatives: Negatives, *, comparing: Comparing) -> None:
    """Raises UserError where the negatives cannot be written with scores."""
    why = why_unscored(negatives, comparing=comparing)
    if why:
        raise UserError(f"--scores: {why}: leave it out (negatives.parquet holds what scores there are)")

"""Why a candidate was or was not chosen: one int8 code each; a code never changes, since artifacts hold them."""

from __future__ import annotations

REASONS = (
    "padding",
    "shown positive",
    "text of a shown positive",
    "text of the query",
    "revealed positive",
    "beyond depth",
    "within shift",
    "at or above the bar",
    "survivor",
    "chosen",
    "placebo of a revealed positive",
    "likely a positive",
    "group of a shown positive",
)
"""The name of each code."""

PADDING, POSITIVE, SAME_TEXT, QUERY_TEXT, REVEALED, BEYOND_DEPTH, WITHIN_SHIFT, ABOVE_BAR, SURVIVOR, CHOSEN = range(10)
PLACEBO = 10
LIKELY_POSITIVE = 11
SAME_GROUP = 12

REJECTED = (WITHIN_SHIFT, ABOVE_BAR, LIKELY_POSITIVE)
"""Looked at and rejected by the method."""

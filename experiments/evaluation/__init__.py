"""Measuring a student: the target, mteb on one task, and per-query measures from its ranking."""

"""Measuring a student: how it reads, mteb on one task, and per-query measures from its ranking."""

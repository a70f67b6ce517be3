"""Searches over settings with Optuna: what a search declares, its trials, its workers, what its winner is worth."""

"""Settings of launchers that Hydra hands over unchecked."""

from __future__ import annotations

import os

from experiments.errors import UserError


def share_of_cores(n_jobs: int) -> int:
    """The threads of each of so many runs at once."""
    return max(1, (os.cpu_count() or 1) // n_jobs)


def workers(n_jobs: object) -> int:
    """How many runs go on at once; -1 is every core. Raises UserError for what is no such number."""
    if n_jobs == -1:
        return os.cpu_count() or 1
    if isinstance(n_jobs, bool) or not isinstance(n_jobs, int) or n_jobs < 1:
        raise UserError(f"hydra.launcher.n_jobs={n_jobs}: should be a number of runs at once, or -1 for every core")
    return n_jobs

"""What stands above a panel."""

from __future__ import annotations

from analysis.compare import difference_tasks
from analysis.load import Study

MOST = 2
"""Tasks that a title has room for by name."""


def block_title(study: Study, block: str) -> str:
    """The block, and the tasks that its differences are the mean of: by name, or how many where they are many."""
    tasks = difference_tasks(study, block)
    return f"{block} ({', '.join(tasks) if len(tasks) <= MOST else f'mean of {len(tasks)} tasks'})"

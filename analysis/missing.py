"""Which cells are missing, and the command that fills them."""

from __future__ import annotations

from pathlib import Path

from analysis.load import Study

STORE = Path("outputs/store")
"""The store of a command line that names none."""


def missing_lines(study: Study, *, begun_only: bool = False) -> list[str]:
    """One line per incomplete cell, then the command; empty when nothing is missing.

    begun_only: leave out blocks of which nothing has finished.
    """
    gaps = [gap for gap in study.missing() if study.started(gap[0]) or not begun_only]
    if not gaps:
        return []
    cells = [f"missing: block {block}, arm {arm}, seeds {', '.join(map(str, seeds))}" for block, arm, seeds in gaps]
    return [*cells, f"to fill: {fill_command(study)}"]


def fill_command(study: Study) -> str:
    """Finished runs are kept, so the study's own command fills what is missing."""
    name = study.name
    if study.store is not None:
        elsewhere = [] if study.store == STORE else [f"execution.store={study.store}"]
        return study.plan.run_command(*elsewhere)
    return f"{study.plan.run_command()} && python -m experiments.publish {name} && python -m analysis build {name}"

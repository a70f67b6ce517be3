"""Where a search stands, for `python -m experiments.status`: from search.json and its plan, without its storage."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from experiments.records.folder import find_record
from experiments.searching.trials import SearchFile, read_search
from experiments.studies.plan import Plan, read_plan
from experiments.studies.standing import RESULTS, plan_places, store_of


@dataclass(frozen=True)
class SearchLines:
    """What is told of a search. whole: whether every run with a fresh seed is done."""

    text: list[str]
    whole: bool


def search_lines(name: str, settings: Sequence[str]) -> SearchLines | None:
    """Trials by how they ended, the runs with fresh seeds, the command that goes on; None for what is no search."""
    for path in plan_places(name, settings):
        found = read_search(path.parent)
        if found is not None:
            plan = read_plan(path) if path.is_file() else None
            return _lines(found, plan, (store_of(settings), RESULTS))
    return None


def _lines(found: SearchFile, plan: Plan | None, roots: Sequence[Path]) -> SearchLines:
    counts = Counter(trial.state for trial in found.trials)
    states = ", ".join(f"{number} {state}" for state, number in counts.most_common())
    fresh = [] if plan is None else [run for run in plan.runs if run.phase == 2]
    missing = [run for run in fresh if find_record(roots, run.run_id) is None]
    text = [
        f"search {found.search.name}: {states} (of at most {found.search.trials} trials)",
        f"winner  trial {found.winner}: {' '.join(found.override)}" if found.winner is not None else "winner  none yet",
        f"runs with fresh seeds  {len(fresh) - len(missing)} of {len(fresh)} done"
        if fresh
        else "no fresh seed has run",
    ]
    whole = bool(fresh) and not missing
    if not whole and plan is not None:
        text.append(f"to go on: {plan.run_command()}")
    return SearchLines(text, whole)

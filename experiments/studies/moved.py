"""Values chosen on dev that dev no longer prefers, since its runs were renewed or run again after the choice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from experiments.records.folder import find_record
from experiments.studies.cells import choose_value
from experiments.studies.dev import dev_score
from experiments.studies.plan import Chosen, Plan


def moved_lines(plan: Plan, roots: Sequence[Path]) -> Iterator[str]:
    """One line for every choice of a plan that the dev records under `roots` no longer give."""
    for place, chosen in plan.chosen.items():
        arm = place.partition("/")[2]
        choose = plan.declaration.choose.get(arm)
        if choose is None or chosen.value is None:
            continue
        means = dict(_means(chosen, choose.measure, roots))
        if len(means) < len(chosen.curve):
            continue
        now = choose_value(choose, means)
        if now != chosen.value:
            yield (
                f"{place.replace('/', ' / ')}: {chosen.key} was {chosen.value}, and dev prefers {now} now that its "
                "runs were made again: the runs of that value are new, and missing until the study is run"
            )


def _means(chosen: Chosen, measure: str, roots: Sequence[Path]) -> Iterator[tuple[float | int | str, float]]:
    """(value, mean dev score) of the values whose dev runs all have a record."""
    for point in chosen.curve:
        scores = [score for run_id in point.run_ids if (score := _dev_score(run_id, roots, measure)) is not None]
        if scores and len(scores) == len(point.run_ids):
            yield point.value, sum(scores) / len(scores)


def _dev_score(run_id: str, roots: Sequence[Path], measure: str) -> float | None:
    record = find_record(roots, run_id)
    return None if record is None else dev_score(record, record.run_config(), measure)

"""How alike two teachers mine (Table 6 of arXiv 2407.15831): the Jaccard index of their negatives, pair by pair."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from analysis.formats import DASH, Table, markdown
from analysis.load import FinishedRun, Study
from experiments.config import EnsembleTeacher
from experiments.records.mining import MiningFacts

NOTE = (
    "Jaccard index of the negatives that each of two teachers would give to a row, alone and under the same bar; mean "
    "over the rows, one seed."
)


def overlap_markdown(study: Study, blocks: Sequence[str]) -> str:
    """A table an arm: one row a pair of teachers, one column a collection; "" where no ensemble has mined."""
    tables = [f"{block} / {arm}\n\n{markdown(_table(run))}" for block, arm, run in overlapping(study, blocks)]
    return "\n".join([*tables, NOTE, ""]) if tables else ""


def overlapping(study: Study, blocks: Sequence[str]) -> Iterator[tuple[str, str, FinishedRun]]:
    """(block, arm, run) of each arm whose teachers' negatives were compared; its first seed."""
    for block in blocks:
        for arm in study.plan.arms(block):
            if runs := [run for run in study.cell(block, arm).values() if _facts(run)]:
                yield block, arm, runs[0]


def overlaps(run: FinishedRun) -> list[float]:
    """The Jaccard index of every two teachers on every collection where both have negatives."""
    pairs = (pair for facts in _facts(run).values() for pair in facts.overlap or ())
    return [pair.jaccard for pair in pairs if pair.jaccard is not None]


def _facts(run: FinishedRun) -> dict[str, MiningFacts]:
    """The facts that hold overlaps: of each part of a mixture, else of the run's collection."""
    mining = run.record.mining
    whole = {} if mining is None else {run.config.data.name: mining}
    parts: Mapping[str, MiningFacts] = run.record.mining_parts or whole
    return {name: facts for name, facts in parts.items() if facts.overlap is not None}


def _table(run: FinishedRun) -> Table:
    facts = _facts(run)
    assert isinstance(run.config.teacher, EnsembleTeacher)
    names = run.config.teacher.names
    values: dict[tuple[int, int], dict[str, float | None]] = {}
    for part, found in facts.items():
        for pair in found.overlap or ():
            values.setdefault((pair.first, pair.second), {})[part] = pair.jaccard
    rows = tuple(
        (names[first], names[second], *(_number(by_part.get(part)) for part in facts))
        for (first, second), by_part in sorted(values.items())
    )
    return Table(("teacher", "teacher", *facts), rows, left=2)


def _number(value: float | None) -> str:
    return DASH if value is None else f"{value:.2f}"

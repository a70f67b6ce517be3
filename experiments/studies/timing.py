"""The time that a study's runs took, from their records, and about how long those that are left will take."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import median

from experiments.records.folder import find_records
from experiments.studies.cells import Cell
from experiments.studies.fitted import time_text
from experiments.studies.standing import Standing


def time_line(rows: Sequence[Standing]) -> str:
    """`time: 12 minutes spent on 5 runs; about 4 minutes left for 2 ...`.

    Seconds are those of the records, wherever they were made; a run that reused its student took less than another.
    """
    took = _seconds(rows)
    left = [row for row in rows if row.state != "done"]
    spent = time_text(sum(dict(_by_run(rows, took)).values()))
    said = f"time: {spent} spent on {len(set(_done(rows)))} runs"
    if not left:
        return said
    guesses = [_expected(row.cell, took) for row in left]
    known = [guess for guess in guesses if guess is not None]
    if len(known) < len(guesses):
        return f"{said}; how long the {len(left)} that are left will take is not known before one is finished"
    by = "by the medians of finished runs of the same arm, else block"
    return f"{said}; about {time_text(sum(known))} left for {len(left)} one after another, {by}"


def _seconds(rows: Sequence[Standing]) -> dict[Cell, float]:
    """The wall time of every cell that has a record, outdated ones too, where it tells."""
    found = {}
    for row in rows:
        if row.run is not None:
            record = next((one for _, one in find_records(row.run.execution.record_roots, row.run_id)), None)
            if record is not None and "wall" in record.timings:
                found[row.cell] = record.timings["wall"]
    return found


def _done(rows: Sequence[Standing]) -> Iterator[str]:
    yield from (row.run_id for row in rows if row.state == "done")


def _by_run(rows: Sequence[Standing], took: dict[Cell, float]) -> Iterator[tuple[str, float]]:
    """(run_id, seconds) of the runs that are done; two cells may be one run."""
    yield from ((row.run_id, took[row.cell]) for row in rows if row.state == "done" and row.cell in took)


def _expected(cell: Cell, took: dict[Cell, float]) -> float | None:
    """The median over finished cells like it: of its arm, else of its block, else of the study, in its phase first."""
    for alike in (
        lambda one: (one.phase, one.block, one.arm) == (cell.phase, cell.block, cell.arm),
        lambda one: (one.phase, one.block) == (cell.phase, cell.block),
        lambda one: one.block == cell.block,
        lambda _: True,
    ):
        if seconds := [value for one, value in took.items() if alike(one)]:
            return median(seconds)
    return None

"""Unknown false negatives: what blind judgments of mined negatives say, added to the known share.

A folder under results/judgments/ holds about.md (who judged what), key.csv (item -> arm, from
`python -m experiments.judge`), first.csv (item, label) and second.csv (the items judged twice). The drawn items are not
*known* to be false; the total rate is known + (1 - known) x judged.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from analysis.formats import Table, markdown, percent
from analysis.sources import Source
from analysis.stats import wilson
from experiments.errors import UserError
from experiments.records.folder import read_record

LABELS = ("relevant", "related", "unrelated")
FALSE = "relevant"

Row = dict[str, str]
"""A line of a file of judgments: column -> text."""


@dataclass(frozen=True)
class Judged:
    """One arm: items judged, those labelled relevant, and the arm's known share of all its mined negatives."""

    arm: str
    items: int
    false: int
    known: float

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95% interval of the share of false negatives among those not known to be false."""
        return wilson(self.false, self.items)

    def total(self, share: float) -> float:
        """Known and judged together, for a share among the rest."""
        return self.known + (1.0 - self.known) * share


@dataclass(frozen=True)
class Agreement:
    """Of the items judged twice: how many, share of equal labels, of equal verdicts (false or not), Cohen's kappa."""

    items: int
    labels: float
    verdicts: float
    kappa: float


def judgment_pages(source: Source) -> dict[Path, bytes]:
    """README.md of every judged folder, and what it should hold."""
    folders = sorted(path.parent for path in (source.root / "judgments").glob("*/key.csv"))
    return {folder / "README.md": judgments_page(folder, source).encode() for folder in folders}


def judgments_page(folder: Path, source: Source) -> str:
    """The estimate as Markdown, under the hand-written about.md."""
    key = _read(folder / "key.csv", ("item", "arm", "run_id"))
    first = _labels(folder / "first.csv")
    second = _labels(folder / "second.csv")
    missing = sorted({row["item"] for row in key} - set(first))
    if missing:
        raise UserError(f"{folder / 'first.csv'}: no label for item {missing[0]}: judge it as guideline.md says")
    drawn: dict[str, list[Row]] = {}
    for row in key:
        drawn.setdefault(row["arm"], []).append(row)
    arms = [_judged(arm, rows, first, source) for arm, rows in sorted(drawn.items())]
    about = folder / "about.md"
    if not about.is_file():
        raise UserError(f"{about}: no such file: say there who judged what, and that it was a language model if it was")
    return (
        f"{about.read_text(encoding='utf-8')}\n{markdown(_table(arms))}\n{_agreement_text(agreement(first, second))}\n"
    )


def agreement(first: Mapping[str, str], second: Mapping[str, str]) -> Agreement:
    """Cohen's kappa (1960) of the verdict false or not; 1 where both always say the same."""
    both = [(first[item], second[item]) for item in first if item in second]
    observed = _share((one == FALSE) == (other == FALSE) for one, other in both)
    a, b = _share(one == FALSE for one, _ in both), _share(other == FALSE for _, other in both)
    expected = a * b + (1 - a) * (1 - b)
    kappa = 1.0 if expected == 1.0 else (observed - expected) / (1 - expected)
    return Agreement(len(both), _share(one == other for one, other in both), observed, kappa)


def _share(held: Iterable[bool]) -> float:
    """NaN of nothing."""
    found = list(held)
    return sum(found) / len(found) if found else math.nan


def _judged(arm: str, rows: Sequence[Row], first: Mapping[str, str], source: Source) -> Judged:
    run_id, *more = sorted({row["run_id"] for row in rows})
    if more:
        raise UserError(f"arm {arm}: its items are drawn from {1 + len(more)} runs: give each run an arm of its own")
    paths = source.record_paths(run_id)
    if not paths:
        raise UserError(f"arm {arm}: no record of run {run_id} under {source.root}: publish its study")
    mining = read_record(paths[0]).mining
    if mining is None or not mining.mined:
        raise UserError(f"arm {arm}: run {run_id} mined nothing: draw the items from a run that did")
    false = sum(first[item] == FALSE for item in (row["item"] for row in rows))
    return Judged(arm=arm, items=len(rows), false=false, known=mining.known_false / mining.mined)


def _table(arms: list[Judged]) -> Table:
    header = ("arm", "judged", "relevant after all", "share of the unknown [Wilson 95%]", "known share", "together")
    return Table(header, tuple(_cells(arm) for arm in arms))


def _cells(arm: Judged) -> tuple[str, ...]:
    low, high = arm.interval
    share = arm.false / arm.items
    return (
        arm.arm,
        str(arm.items),
        str(arm.false),
        f"{percent(share)} [{100 * low:.1f}, {100 * high:.1f}]",
        percent(arm.known),
        f"{percent(arm.total(share))} [{100 * arm.total(low):.1f}, {100 * arm.total(high):.1f}]",
    )


def _agreement_text(found: Agreement) -> str:
    return (
        f"Judged twice: {found.items} items, equal labels {percent(found.labels)}, equal verdicts (false or not) "
        f"{percent(found.verdicts)}, Cohen's kappa {found.kappa:.2f}."
    )


def _labels(path: Path) -> dict[str, str]:
    rows = _read(path, ("item", "label"))
    for row in rows:
        if row["label"] not in LABELS:
            raise UserError(f"{path}: item {row['item']} has label {row['label']!r}: use one of {', '.join(LABELS)}")
    return {row["item"]: row["label"] for row in rows}


def _read(path: Path, columns: tuple[str, ...]) -> list[Row]:
    if not path.is_file():
        raise UserError(f"{path}: no such file: draw items with `python -m experiments.judge` and judge them")
    with path.open(encoding="utf-8-sig", newline="") as file:
        found = csv.DictReader(file, restval="")
        absent = [column for column in columns if column not in (found.fieldnames or ())]
        if absent:
            raise UserError(f"{path}: no column {absent[0]}: the header is {','.join(columns)}")
        return list(found)

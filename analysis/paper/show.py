"""The paper's tables and figures as Markdown."""

from __future__ import annotations

from pathlib import Path

from analysis.formats import DASH, Table, fixed, markdown, percent
from analysis.paper.read import PAPER, score_table
from analysis.paper.schema import (
    FalseNegatives,
    Optima,
    Overlaps,
    PaperFile,
    Reading,
    Readings,
    ScoreRow,
    Scores,
)


def shown(item: PaperFile, folder: Path = PAPER) -> str:
    """Setting, table, notes, source, and what the paper does not give. Ends in a newline."""
    rows = item.rows if isinstance(item, Scores) else {}
    read = [f"{row.label}: {row.read}." for row in rows.values() if row.read]
    missing = [f"Not given: {'; '.join(item.not_given)}."] if item.not_given else []
    lines = [*item.notes, f"Source: {item.source.line}", *read, *missing]
    table = markdown(paper_table(item, folder))
    return f"{_sentence(item.setting)}\n\n{table}\n{''.join(f'- {line}' + chr(10) for line in lines)}"


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def row_name(row: ScoreRow) -> str:
    """What the paper calls a row, with its configuration."""
    return f"{row.label}, {row.config}" if row.config else row.label


def paper_table(item: PaperFile, folder: Path = PAPER) -> Table:
    """The table itself, figures with the digits that are printed."""
    match item:
        case Scores():
            return _transposed(item) if item.transposed else _scores(item)
        case Overlaps():
            return _overlaps(item)
        case Optima():
            return _optima(item, folder)
        case FalseNegatives():
            return _false_negatives(item)
        case Readings():
            return _readings(item)


def _scores(item: Scores) -> Table:
    return Table(("", "Avg", *item.tasks), tuple((row_name(row), *_values(item, row)) for row in item.rows.values()))


def _transposed(item: Scores) -> Table:
    columns = [_values(item, row) for row in item.rows.values()]
    header = ("", *(row_name(row) for row in item.rows.values()))
    return Table(header, tuple(zip(("Avg", *item.tasks), *columns, strict=True)))


def _values(item: Scores, row: ScoreRow) -> tuple[str, ...]:
    return (fixed(row.average, item.digits.average), *(fixed(value, item.digits.tasks) for value in row.tasks))


def _overlaps(item: Overlaps) -> Table:
    rows = tuple(
        (pair.first, pair.second, *(fixed(value, item.digits) for value in pair.values)) for pair in item.pairs
    )
    return Table(("teacher", "other teacher", *item.datasets), rows, left=2)


def _optima(item: Optima, folder: Path) -> Table:
    scores = score_table(item.scores, asked_by=item.title, folder=folder)
    rows = tuple(
        (
            scores.rows[name].label,
            row.parameter,
            row.tried or DASH,
            row.best,
            fixed(scores.rows[name].average, scores.digits.average),
        )
        for name, row in item.rows.items()
    )
    return Table(("method", "parameter", "values tried", "best", "Avg there"), rows, left=3)


def _false_negatives(item: FalseNegatives) -> Table:
    rows = tuple(
        (name, percent(row.naive), f"{100 * row.fewer:.0f}%", percent(row.implied)) for name, row in item.rows.items()
    )
    return Table(("dataset", "Naive Top-K", "filtered: fewer by", "filtered: implied"), rows)


def _readings(item: Readings) -> Table:
    header = ("panel", "rows", "quantity", "peak at", "examples at the peak", "spans", "remark")
    return Table(header, tuple(_reading(row) for row in item.rows), left=3)


def _reading(row: Reading) -> tuple[str, ...]:
    spans = DASH if row.low is None or row.high is None else f"{row.low:g} to {row.high:g}".replace("-", "−")
    peak = fixed(row.peak_at, 2)
    height = DASH if row.peak_rows is None else f"{row.peak_rows:,}"
    return (row.panel, row.series, row.quantity, peak, height, spans, row.note)

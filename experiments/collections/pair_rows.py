"""Reads rows of pairs one at a time into queries, passages, grades and negatives; a text is kept once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from experiments.collections.pair_cells import PairRow
from experiments.collections.passages import Passages
from experiments.errors import UserError


@dataclass
class Side:
    """One split as it is read: queries by id or text, grades of pairs, and each query's own negatives in order."""

    ids: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    known: dict[str, int] = field(default_factory=dict)
    grades: dict[tuple[int, int], int] = field(default_factory=dict)
    negatives: dict[int, dict[str | int, None]] = field(default_factory=dict)


@dataclass
class Reader:
    """What is found while the rows are read. fixed: whether passages come from a file of their own."""

    passages: Passages
    fixed: bool
    sides: dict[str, Side] = field(default_factory=dict)
    queries: int = 0
    rows: int = 0
    empty: int = 0
    unlisted: list[str] = field(default_factory=list)


def read_row(reader: Reader, side: Side, row: PairRow) -> None:
    """Note what one row says. Raises UserError for what cannot be."""
    asked = row.texts("query")
    positives = list(_positions(reader, row)) if asked else []
    if not positives:
        reader.empty += 1
        return
    if len(asked) > 1:
        raise UserError(f"{row.place}: the query is a list of {len(asked)}: write a row for each")
    query, grade = _query(reader, side, asked[0], row), row.grade
    if grade <= 0:
        side.negatives.setdefault(query, {}).update(dict.fromkeys(positives))
        return
    for at in positives:
        side.grades[query, at] = max(grade, side.grades.get((query, at), 0))
    if "negative" in row.taken.names or "negative_id" in row.taken.names:
        side.negatives.setdefault(query, {}).update(dict.fromkeys(_negatives(reader, row)))


def _query(reader: Reader, side: Side, text: str, row: PairRow) -> int:
    """The position of the row's query in its split: by its id, or else by its text."""
    name = row.one("query_id")
    key = text if name is None else name
    at = side.known.setdefault(key, len(side.ids))
    if at == len(side.ids):
        reader.queries += 1
        side.ids.append(f"q{reader.queries}" if name is None else name)
        side.texts.append(text)
    elif side.texts[at] != text:
        raise UserError(
            f"{row.place}: the query {name!r} has another text here than in an earlier row: ids must differ"
        )
    return at


def _positions(reader: Reader, row: PairRow) -> Iterator[int]:
    """Where the row's passages stand among all."""
    if reader.fixed:
        yield from _listed(reader, row, "positive_id", "positive")
        return
    texts = row.texts("positive")
    if not texts:
        return
    name, group = row.one("positive_id"), next(iter(row.names("group")), None)
    titles = row.texts("title")
    if len(texts) > 1 and name is not None:
        raise UserError(f"{row.place}: {len(texts)} passages under one id {name!r}: write a row for each")
    for text in texts:
        yield reader.passages.add(text, name=name, title=titles[0] if titles else "", group=group, place=row.place)


def _negatives(reader: Reader, row: PairRow) -> Iterator[str | int]:
    """The row's own negatives: positions where passages have a file of their own, else texts, placed at the end."""
    if reader.fixed:
        yield from _listed(reader, row, "negative_id", "negative")
        return
    texts, names = row.texts("negative"), row.names("negative_id")
    if not names:
        yield from texts
        return
    if len(names) != len(texts):
        raise UserError(f"{row.place}: {len(names)} negative ids for {len(texts)} negatives: give each its own")
    for name, text in zip(names, texts, strict=True):
        at = reader.passages.named(name)
        group = None if at is None else reader.passages.groups[at]
        title = "" if at is None else reader.passages.titles[at]
        yield reader.passages.add(text, name=name, title=title, group=group, place=row.place)


def _listed(reader: Reader, row: PairRow, by_id: str, by_text: str) -> Iterator[int]:
    """Passages of the file, by id where the row gives ids, else by text; what is not there is noted."""
    names = row.names(by_id)
    for what in names or row.texts(by_text):
        at = reader.passages.named(what) if names else reader.passages.said(what)
        if at is None:
            reader.unlisted.append(f"{row.place}: {what[:60]!r}")
        else:
            yield at

"""Reads data=pairs: rows of a query and a passage that answers it, with negatives, ids, groups and scores where given.

The corpus is every distinct passage, positives before the negatives that are no positives, in order of appearance,
unless `data.corpus` names a file of passages.
"""

from __future__ import annotations

import logging
from pathlib import Path

from experiments.collections.pair_cells import PairRow
from experiments.collections.pair_columns import take_columns
from experiments.collections.pair_rows import Reader, Side, read_row
from experiments.collections.pair_sources import find_tables
from experiments.collections.passages import Passages, read_passages
from experiments.collections.raw import RawCollection
from experiments.collections.tables import Table, open_table
from experiments.config import PairsData
from experiments.errors import UserError
from experiments.execution import Execution
from experiments.ir import Qrels, Queries, Split

screen = logging.getLogger("experiments.screen")
_said: set[str] = set()

EMPTY = "rows_without_text"
"""Report key: rows left out because their query or their passage is empty."""


def read_pairs(data: PairsData, *, execution: Execution) -> RawCollection:
    """What the rows hold. Raises UserError, one line, for what cannot be read."""
    file = execution.data_paths.get(f"{data.name}:corpus")
    reader = Reader(read_passages(open_table(file)) if file is not None else Passages(), fixed=file is not None)
    for split, tables in find_tables(data, execution).items():
        for table in tables:
            _read_table(reader, reader.sides.setdefault(split, Side()), table, data)
    _check(reader, data, file)
    splits = {name: _split(side, reader.passages) for name, side in reader.sides.items() if side.grades}
    corpus = reader.passages.corpus()
    report = {
        "documents": len(corpus),
        "pair_rows": reader.rows,
        EMPTY: reader.empty,
        "queries_without_positive": reader.queries - sum(len(split.queries) for split in splits.values()),
        "given_negatives": sum(len(split.given) for split in splits.values()),
    }
    return RawCollection(name=data.name, corpus=corpus, splits=splits, report=report)


def _read_table(reader: Reader, side: Side, table: Table, data: PairsData) -> None:
    taken = take_columns(table.path, table.columns, data.columns, corpus=reader.fixed)
    line = f"{table.path.name}: {taken.line}"
    if line not in _said:
        _said.add(line)
        screen.info("      %s", line)
    for number, row in table.rows(taken.all):
        reader.rows += 1
        read_row(reader, side, PairRow(table.path, number, row, taken))


def _check(reader: Reader, data: PairsData, file: Path | None) -> None:
    """Raises UserError where passages are not in their file, or nothing is left to train or measure on."""
    if reader.unlisted:
        raise UserError(
            f"{len(reader.unlisted)} passages of {data.name} are not in data.corpus={file}, the first in "
            f"{reader.unlisted[0]}: mend the ids or the file"
        )
    if not any(side.grades for side in reader.sides.values()):
        raise UserError(
            f"{data.name}: none of its {reader.rows} rows has a query and a passage that answers it ({reader.empty} "
            "are empty): fill them in, or name the columns with data.columns.query, .positive and .score"
        )


def _split(side: Side, passages: Passages) -> Split:
    """The queries that some passage answers, in order of appearance. Negatives that are texts become passages."""
    answered = sorted({query for query, _ in side.grades})
    new = {query: i for i, query in enumerate(answered)}
    own = {query: [_place(passages, one) for one in side.negatives.get(query, ())] for query in answered}
    given = [
        (new[query], document, rank)
        for query, documents in own.items()
        for rank, document in enumerate(dict.fromkeys(documents), start=1)
    ]
    return Split(
        queries=Queries(ids=tuple(side.ids[q] for q in answered), texts=tuple(side.texts[q] for q in answered)),
        qrels=_qrels([(new[query], document, grade) for (query, document), grade in side.grades.items()]),
        given=_qrels(given),
    )


def _place(passages: Passages, one: str | int) -> int:
    if isinstance(one, int):
        return one
    found = passages.said(one)
    return passages.add(one, name=None, group=None, place="") if found is None else found


def _qrels(rows: list[tuple[int, int, int]]) -> Qrels:
    query, document, grade = zip(*rows, strict=True) if rows else ((), (), ())
    return Qrels.build(query=query, document=document, grade=grade)

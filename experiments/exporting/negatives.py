"""The mined negatives as one table: which teacher ranked each one where, and by which score it was kept."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from experiments.config import EnsembleTeacher, TeacherConfig
from experiments.ir import NO_DOCUMENT, NO_TEACHER, Negatives
from experiments.stages.finished import Finished

Pairs = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]
"""Of every mined negative (P of them), row by row: its training row, and its place among that row's negatives."""
Columns = dict[str, list[Any]]
SCORES = ("score", "positive_score", "anchor_score", "bar", "probability")

DESCRIBED: Mapping[str, str] = {
    "row": "row of the exported table in which the negative stands, from 0; null where the format leaves it out",
    "slot": "its place among the negatives of that row, from 1",
    "part": "of a mixture, the collection that the row comes from",
    "query_id, positive_id, negative_id": "as in the source collection (in a mixture PART/ID)",
    "teacher": "the model that ranked it; null where it was drawn at random",
    "rank": "that teacher's raw rank, from 1, before exclusions",
    "score, positive_score, anchor_score": "that teacher's scores of the negative, the positive and the bar's anchor",
    "bar": "what the score had to stay below; null where the method has none",
    "probability": "of being a hidden positive, where the method estimates it",
    "known_false": "judged relevant in the source but hidden from training, or an exact copy of such a document",
}
"""Columns of the table of negatives -> what they hold."""

TYPES: Mapping[str, str] = {
    **dict.fromkeys(("row", "slot", "rank"), "int64"),
    **dict.fromkeys(("part", "query_id", "positive_id", "negative_id", "teacher"), "string"),
    **dict.fromkeys(SCORES, "float32"),
    "known_false": "bool",
}
"""Columns of the table of negatives -> Arrow's names of their types, which a column without a value would not tell."""


def pairs_of(negatives: Negatives) -> Pairs:
    """Where the mined negatives stand, padding left out."""
    rows, slots = np.nonzero(negatives.document != NO_DOCUMENT)
    return rows.astype(np.int64), slots.astype(np.int64)


def negative_columns(found: Finished, *, row: npt.NDArray[np.int64], slot: npt.NDArray[np.int64]) -> Columns:
    """One entry for every mined negative. row, slot: (P,), where each stands in what was exported; row -1 = nowhere."""
    rows, slots = pairs_of(found.negatives)
    negatives, queries, ids = found.negatives, found.collection.splits["train"].queries.ids, found.collection.corpus.ids
    names = teacher_names(found.config.teacher)
    part = {} if found.parts is None else {"part": [found.parts[r] for r in rows]}
    return {
        "row": [int(r) if r >= 0 else None for r in row],
        "slot": [int(s) if r >= 0 else None for r, s in zip(row, slot, strict=True)],
        **part,
        "query_id": [queries[q] for q in negatives.query[rows]],
        "positive_id": [ids[d] for d in negatives.positive[rows]],
        "negative_id": [ids[d] for d in negatives.document[rows, slots]],
        "teacher": [None if t == NO_TEACHER else names[t] for t in negatives.teacher[rows, slots]],
        "rank": [int(r) or None for r in negatives.rank[rows, slots]],
        **{name: numbers(getattr(negatives, name)[rows, slots]) for name in SCORES},
        "known_false": negatives.known_false[rows, slots].tolist(),
    }


def teacher_names(teacher: TeacherConfig) -> tuple[str, ...]:
    """What the negatives' teachers are called, the first one first."""
    return teacher.names if isinstance(teacher, EnsembleTeacher) else (teacher.name,)


def numbers(values: npt.NDArray[np.float32]) -> list[float | None]:
    """As plain numbers; None for NaN."""
    return [None if math.isnan(value) else value for value in values.tolist()]


def write_lines(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """JSON lines in UTF-8. Raises OSError."""
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n" for row in rows)


def as_rows(columns: Columns) -> Iterator[dict[str, Any]]:
    """A table row by row."""
    for values in zip(*columns.values(), strict=True):
        yield dict(zip(columns, values, strict=True))

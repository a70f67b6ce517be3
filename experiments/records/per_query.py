"""Per-query scores of one run as plain columns, and the digest that its record names them by. No data frame is needed.

The digest is that of the scores as CSV. The text is put together column by column, since a study's page verifies that
of every run it shows: a writer that goes row by row took most of the time.
"""

from __future__ import annotations

import csv
import functools
import hashlib
import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


@dataclass(frozen=True, eq=False)
class QueryScores:
    """One task of one run. ids: sorted query ids. values: (queries, measures) float64, C order."""

    ids: tuple[str, ...]
    values: npt.NDArray[np.float64]


def sorted_by_task(tasks: Sequence[str], ids: Sequence[str], values: npt.NDArray[np.float64]) -> dict[str, QueryScores]:
    """Rows in any order as one QueryScores a task, tasks sorted; rows of one task and query keep their order."""
    rows: dict[str, list[int]] = {}
    for row, task in enumerate(tasks):
        rows.setdefault(task, []).append(row)
    return {task: sorted_scores([ids[row] for row in there], values[there]) for task, there in sorted(rows.items())}


def sorted_scores(ids: Sequence[str], values: npt.NDArray[np.float64]) -> QueryScores:
    """The rows of one task by query id; those of one id keep their order."""
    import numpy as np

    if not is_sorted(ids):
        order = sorted(range(len(ids)), key=ids.__getitem__)
        ids, values = [ids[row] for row in order], values[order]
    return QueryScores(tuple(ids), np.ascontiguousarray(values, dtype=np.float64))


def is_sorted(ids: Sequence[str]) -> bool:
    """Whether ids come in the order of their code points."""
    return all(one <= other for one, other in itertools.pairwise(ids))


def csv_digest(scores: Mapping[str, QueryScores], columns: Iterable[str]) -> str:
    """sha256 of the scores as CSV: `columns` as its head, a line per task and query, shortest round-trip floats.

    scores: task -> its scores, tasks sorted. A missing measure is an empty field.
    """
    found = hashlib.sha256(f"{','.join(columns)}\n".encode())
    for task, part in scores.items():
        found.update(_lines(task, part).encode())
    return found.hexdigest()


def _lines(task: str, part: QueryScores) -> str:
    pairs = zip(_heads(task, part.ids), _tails(part.values), strict=True)
    return "".join([text for pair in pairs for text in pair])


@functools.lru_cache(maxsize=64)
def _heads(task: str, ids: tuple[str, ...]) -> list[str]:
    """`task,query,` for every query, quoted as the csv module does; the runs of a study share them."""
    lines: list[str] = []

    class _Kept:
        def write(self, text: str) -> None:
            lines.append(text.removesuffix("\n"))

    csv.writer(_Kept(), lineterminator="\n").writerows((task, query, "") for query in ids)
    return lines


def _tails(values: npt.NDArray[np.float64]) -> list[str]:
    """The measures of every row as text, ending its line. Rows are written once each: few values ever differ."""
    import numpy as np

    raw, width = np.ascontiguousarray(values).tobytes(), values.shape[1] * values.itemsize
    rows = [raw[start : start + width] for start in range(0, len(raw), width)]
    distinct = list(dict.fromkeys(rows))
    read = np.frombuffer(b"".join(distinct), dtype=np.float64).reshape(-1, values.shape[1])
    texts = np.where(np.isnan(read), "", read.astype(str)).tolist()
    written = {row: f"{','.join(fields)}\n" for row, fields in zip(distinct, texts, strict=True)}
    return [written[row] for row in rows]

"""Per-query scores of one run as plain columns, and the digest that its record names them by. No data frame is needed.

The digest is that of the scores as CSV. The text is put together column by column, since a study's page verifies that
of every run it shows: a writer that goes row by row took most of the time.
"""

from __future__ import annotations

import csv
import functools
import hashlib
import math
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
    return list(ids) == sorted(ids)


def csv_digest(scores: Mapping[str, QueryScores], columns: Iterable[str]) -> str:
    """sha256 of the scores as CSV: `columns` as its head, a line per task and query, shortest round-trip floats.

    scores: task -> its scores, tasks sorted. A missing measure is an empty field.
    """
    found = hashlib.sha256(f"{','.join(columns)}\n".encode())
    for task, part in scores.items():
        found.update(_lines(task, part).encode())
    return found.hexdigest()


def _lines(task: str, part: QueryScores) -> str:
    texts = [""] * (2 * len(part.ids))
    texts[::2], texts[1::2] = _heads(task, part.ids), _tails(part.values)
    return "".join(texts)


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
    """The measures of every row as text, ending its line."""
    import numpy as np

    rows = np.ascontiguousarray(values)
    whole = rows.view(np.dtype((np.void, rows.itemsize * rows.shape[1])))
    return list(map(_tail, whole.ravel().tolist()))


@functools.lru_cache(maxsize=1 << 16)
def _tail(row: bytes) -> str:
    """Of one row, by its bytes: of the rows of all runs of a study, few differ."""
    return ",".join(["" if math.isnan(value) else repr(value) for value in memoryview(row).cast("d")]) + "\n"

"""One row of a table of pairs: its texts, ids and score by role."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from experiments.collections.pair_columns import Taken
from experiments.collections.values import grade_of, id_of, is_nothing, text_of
from experiments.errors import UserError


@dataclass(frozen=True)
class PairRow:
    """One row and where it stands."""

    path: Path
    number: int
    values: dict[str, Any]
    taken: Taken

    @property
    def place(self) -> str:
        """File and row, for messages."""
        return f"{self.path}:{self.number}"

    def texts(self, role: str) -> list[str]:
        """The texts of a role's columns that are not blank; a cell may hold a list of them."""
        found = [text_of(self.path, self.number, {column: cell}, column) for column, cell in self._cells(role)]
        return [text for text in found if text.strip()]

    def names(self, role: str) -> list[str]:
        """The ids of a role's columns."""
        found = [id_of(self.path, self.number, {column: cell}, column) for column, cell in self._cells(role)]
        return [name for name in found if name]

    def _cells(self, role: str) -> Iterator[tuple[str, Any]]:
        """(column, value) of a role's columns where there is one, a list's values one by one."""
        for column in self.taken.names.get(role, ()):
            value = self.values.get(column)
            cells = value if isinstance(value, list) else [value]
            yield from ((column, cell) for cell in cells if not is_nothing(cell))

    def one(self, role: str) -> str | None:
        """The id in a role's column; None where there is no such column. Raises UserError for an empty cell."""
        if role not in self.taken.names:
            return None
        found = self.names(role)
        if len(found) != 1:
            column = self.taken.one(role)
            raise UserError(f"{self.place}: the {column} is {'empty' if not found else 'a list'}: give the row one")
        return found[0]

    @property
    def grade(self) -> int:
        """The score; 1 where there is no such column."""
        column = self.taken.one("score")
        if column is None:
            return 1
        value = self.values.get(column)
        if is_nothing(value) or value == "":
            raise UserError(f"{self.place}: the {column} is empty: write 0, 1, 2, ..., or data.columns.score=none")
        try:
            return grade_of(self.path, self.number, value)
        except UserError as error:
            raise UserError(f"{error}, or leave the column out with data.columns.score=none") from None

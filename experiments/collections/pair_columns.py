"""Which column of a table of pairs holds what: as the config names them, else by common names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from experiments.config import PairColumns
from experiments.errors import UserError

NOT_READ = "none"
COMMON = {
    "query": ("query", "question", "anchor", "sentence1", "sentence_1", "search_query"),
    "positive": (
        *("positive", "passage", "context", "document", "answer", "text", "sentence2", "sentence_2", "pos"),
        *("positive_passage", "positives", "response"),
    ),
    "negative": ("negative", "neg", "hard_negative", "negatives", "hard_negatives", "sentence3", "negative_passages"),
    "query_id": ("query_id", "query-id", "qid", "question_id"),
    "positive_id": ("positive_id", "positive-id", "passage_id", "doc_id", "document_id", "corpus_id", "corpus-id"),
    "negative_id": ("negative_id", "negative-id", "negative_ids"),
    "title": ("title", "positive_title"),
    "group": ("group", "group_id", "parent", "parent_id", "source_document"),
    "score": ("score", "label", "relevance", "grade"),
}
"""What is read -> the names under which it is recognised, the first one that is there; case does not matter.

A negative may be several columns: NAME_1, NAME_2, ...
"""


@dataclass(frozen=True)
class Taken:
    """The columns that are read: role -> names, one for each role but the negatives'."""

    names: dict[str, tuple[str, ...]]

    def one(self, role: str) -> str | None:
        """The column of a role; None where there is none."""
        return next(iter(self.names.get(role, ())), None)

    @property
    def all(self) -> list[str]:
        """Every column that is read."""
        return list(dict.fromkeys(name for names in self.names.values() for name in names))

    @property
    def line(self) -> str:
        """`query=question, positive=answer`."""
        return ", ".join(f"{role}={'+'.join(names)}" for role, names in self.names.items())


def take_columns(path: Path, there: Sequence[str], asked: PairColumns, *, corpus: bool) -> Taken:
    """The columns to read of those that are `there`. corpus: passages have a file of their own, so ids may do.

    Raises UserError for a column that is named and not there, and where no query or no passage is found.
    """
    found = {role: _columns(path, there, role, getattr(asked, role)) for role in COMMON}
    taken = Taken({role: names for role, names in found.items() if names})
    needed = ["query"] if corpus and "positive_id" in taken.names else ["query", "positive"]
    for role in needed:
        if role not in taken.names:
            raise UserError(
                f"{path}: no column is called {', '.join(COMMON[role][:5])} or the like (there are: {_shown(there)}): "
                f"name the one that holds the {role} with data.columns.{role}=NAME"
            )
    used = [name for names in taken.names.values() for name in names]
    twice = next((name for name in used if used.count(name) > 1), None)
    if twice is not None:
        roles = [role for role, names in taken.names.items() if twice in names]
        raise UserError(f"{path}: the column {twice!r} is taken as {' and '.join(roles)}: name them apart, or none")
    return taken


def _columns(path: Path, there: Sequence[str], role: str, asked: str | None) -> tuple[str, ...]:
    if asked == NOT_READ:
        return ()
    wanted = (asked,) if asked is not None else COMMON[role]
    for name in wanted:
        if found := _called(there, name, several=role in {"negative", "negative_id"}, exact=asked is not None):
            return found
    if asked is not None:
        raise UserError(
            f"{path}: data.columns.{role}={asked}: there is no such column (there are: {_shown(there)}): correct it, "
            f"or data.columns.{role}=none"
        )
    return ()


def _called(there: Sequence[str], name: str, *, several: bool, exact: bool) -> tuple[str, ...]:
    alike = {column: column if exact else column.lower() for column in there}
    plain = [column for column, written in alike.items() if written == name]
    if not several:
        return tuple(plain[:1])
    numbered = {column: re.fullmatch(rf"{re.escape(name)}_?([0-9]+)", written) for column, written in alike.items()}
    more = sorted((int(match[1]), column) for column, match in numbered.items() if match)
    return (*plain, *(column for _, column in more))


def _shown(there: Sequence[str]) -> str:
    return ", ".join(there[:12]) + (", ..." if len(there) > 12 else "")

"""Collects distinct passages under ids: each text once, in order of appearance."""

from __future__ import annotations

from dataclasses import dataclass, field

from experiments.collections.tables import Table
from experiments.collections.values import id_of, is_nothing, text_of
from experiments.errors import UserError
from experiments.ir import Corpus

IDS = ("_id", "id", "passage_id", "doc_id", "document_id", "corpus_id", "corpus-id", "docid", "docno", "positive_id")
TEXTS = ("text", "passage", "contents", "content", "document", "context", "body", "positive")
GROUPS = ("parent", "group", "group_id", "parent_id", "source_document")


@dataclass
class Passages:
    """Passages as they are found. A passage without an id is one by its text and group; its id is p1, p2, ...

    ids, titles, texts, groups: aligned; a group is None where nothing was said. where: the row of each id that was
    given, for messages.
    """

    ids: list[str] = field(default_factory=list)
    titles: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    groups: list[str | None] = field(default_factory=list)
    where: dict[str, str] = field(default_factory=dict)
    _by_id: dict[str, int] = field(default_factory=dict)
    _by_text: dict[str, int] = field(default_factory=dict)
    _by_group: dict[tuple[str, str], int] = field(default_factory=dict)

    def add(self, text: str, *, name: str | None, title: str = "", group: str | None, place: str) -> int:
        """The passage's position; it is new or the very same. Raises UserError for an id of two texts or groups."""
        if name is None:
            at = self._by_text.get(text) if group is None else self._by_group.get((group, text))
            return at if at is not None else self._append(self._free_name(), text, title, group)
        at = self._by_id.get(name)
        if at is None:
            self.where[name] = place
            return self._append(name, text, title, group)
        if (self.texts[at], self.titles[at]) != (text, title):
            raise UserError(
                f"{place}: the passage {name!r} has another text here than in {self._first(name)}: ids must differ"
            )
        if self.groups[at] != group:
            raise UserError(
                f"{place}: the passage {name!r} is of group {group!r} here and of {self.groups[at]!r} in "
                f"{self._first(name)}: a passage is cut from one whole"
            )
        return at

    def _free_name(self) -> str:
        name = f"p{len(self.ids) + 1}"
        while name in self._by_id:
            name = f"{name}_"
        return name

    def _append(self, name: str, text: str, title: str, group: str | None) -> int:
        at = len(self.ids)
        self.ids.append(name)
        self.titles.append(title)
        self.texts.append(text)
        self.groups.append(group)
        self._by_id[name] = at
        self._by_text.setdefault(text, at)
        if group is not None:
            self._by_group.setdefault((group, text), at)
        return at

    def _first(self, name: str) -> str:
        return self.where.get(name, "an earlier row")

    def named(self, name: str) -> int | None:
        """The position of an id; None where it is not there."""
        return self._by_id.get(name)

    def said(self, text: str) -> int | None:
        """The position of the first passage of a text; None where it is not there."""
        return self._by_text.get(text)

    def corpus(self) -> Corpus:
        """All of them; a passage of no group is a whole of its own, and where none has one there are no parents."""
        grouped = any(group is not None for group in self.groups)
        pairs = zip(self.groups, self.ids, strict=True)
        parents = tuple(f"passage {name}" if group is None else group for group, name in pairs) if grouped else ()
        return Corpus(ids=tuple(self.ids), titles=tuple(self.titles), texts=tuple(self.texts), parents=parents)


def read_passages(table: Table) -> Passages:
    """A file of passages: an id, a text, and where there are such columns a title and what it was cut from.

    Raises UserError for a column that is missing, a blank or repeated id, and a file without rows.
    """
    name, text = (_column(table, names, what) for names, what in ((IDS, "id"), (TEXTS, "text")))
    title = next((column for column in ("title",) if column in table.columns), None)
    group = next((column for column in GROUPS if column in table.columns), None)
    read = [column for column in (name, text, title, group, *_metadata(table)) if column is not None]
    found = Passages()
    for number, row in table.rows(read):
        one, place = id_of(table.path, number, row, name), f"{table.path}:{number}"
        if not one:
            raise UserError(f"{place}: the {name} is empty: give the passage a name")
        if found.named(one) is not None:
            raise UserError(f"{place}: duplicate {name} {one!r}, first in {found.where[one]}: ids must differ")
        found.add(
            text_of(table.path, number, row, text),
            name=one,
            title="" if title is None or is_nothing(row.get(title)) else text_of(table.path, number, row, title),
            group=_group(table, number, row, group),
            place=place,
        )
    if not found.ids:
        raise UserError(f"{table.path} holds no passages: give one a row")
    return found


def _metadata(table: Table) -> list[str]:
    return ["metadata"] if "metadata" in table.columns else []


def _group(table: Table, number: int, row: dict[str, object], column: str | None) -> str | None:
    metadata = row.get("metadata")
    fields = metadata if column is None and isinstance(metadata, dict) else row
    key = column or "parent"
    return None if is_nothing(fields.get(key)) or fields.get(key) == "" else id_of(table.path, number, fields, key)


def _column(table: Table, names: tuple[str, ...], what: str) -> str:
    found = next((name for name in names if name in table.columns), None)
    if found is None:
        raise UserError(
            f"{table.path}: no column is called {', '.join(names[:4])} or the like (there are: "
            f"{', '.join(table.columns[:12])}): call the one that holds each passage's {what} {names[0]}"
        )
    return found

"""Names the judgments of a folder that point to documents or queries which are not there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from experiments.collections.beir_files import JudgedFiles, Judgment
from experiments.errors import UserError

SHOWN = 3
Dangling = list[tuple[Judgment, str]]
"""Judgments, each with its id that is not there."""


def check_dangling(folder: JudgedFiles, *, drop: bool) -> None:
    """Raises UserError that counts the dangling judgments of the first split that has some, unless they are dropped.

    An id that differs only by white space is a slip, and refused in either case.
    """
    queries, documents = frozenset(folder.queries.ids), folder.document_at
    for name, rows in folder.qrels.items():
        file = folder.places[name]
        lost = [(row, row.query) for row in rows if row.query not in queries]
        gone = [(row, row.document) for row in rows if row.document not in documents]
        _check_spaces(file, "query", lost, folder.queries.ids)
        _check_spaces(file, "document", gone, folder.corpus.ids)
        parts = [_counted(lost, "queries", folder.called[0]), _counted(gone, "documents", folder.called[1])]
        if (lost or gone) and not drop:
            raise UserError(
                f"{file}: {' and '.join(part for part in parts if part)}: mend the ids, or go on without these "
                "judgments with data.missing_documents=drop (measures still count the documents as not found)"
            )


def _check_spaces(file: Path, what: str, dangling: Dangling, known: Sequence[str]) -> None:
    if not dangling:
        return
    by_letters = {name.strip(): name for name in known}
    spaced = [(row.line, name) for row, name in dangling if name.strip() in by_letters]
    if spaced:
        line, name = spaced[0]
        raise UserError(
            f"{file}:{line}: the {what} id {name!r} differs from {by_letters[name.strip()]!r} only by white space "
            f"(so in {len(spaced)} of the file's judgments): write both the same"
        )


def _counted(dangling: Dangling, what: str, where: str) -> str:
    """`3 judgments of documents that corpus.jsonl lacks ('d7', 'd8', ...)`, or nothing."""
    if not dangling:
        return ""
    names = list(dict.fromkeys(name for _, name in dangling))
    shown = ", ".join(map(repr, names[:SHOWN])) + (", ..." if len(names) > SHOWN else "")
    return f"{len(dangling)} judgment{'s' * (len(dangling) > 1)} of {what} that {where} lacks ({shown})"

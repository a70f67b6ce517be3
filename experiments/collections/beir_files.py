"""Reads the files of a folder in BEIR form; every defect is one line that names file, line and value.

``corpus.jsonl``: `_id`, `title` (optional), `text`, `metadata` (optional). ``queries.jsonl``: `_id`, `text`. Either may
be gzip (``.jsonl.gz``) or parquet (``.parquet``) with these fields as columns. ``qrels/SPLIT.tsv``, gzip or parquet:
the header ``query-id corpus-id score``, tab-separated. The whole folder is read before anything is made of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from experiments.collections.lines import NumberedRow, json_rows, lines
from experiments.collections.parquet import parquet_rows
from experiments.collections.stored import Document
from experiments.collections.storing import stored_corpus, tells_parents
from experiments.collections.values import grade_of, id_of, text_of
from experiments.errors import UserError
from experiments.ir import Corpus, Queries

HEADER = ["query-id", "corpus-id", "score"]
SPLIT_FORMS = (".tsv", ".tsv.gz", ".parquet")
"""How a qrels file may end, after its split's name."""


class Judgment(NamedTuple):
    """One row of a qrels file: ids as written there, the score, and the line it stands on."""

    query: str
    document: str
    grade: int
    line: int


@dataclass(frozen=True)
class JudgedFiles:
    """What stands in the files, in file order. qrels: by split, score-0 rows included; places: their files.

    called: what messages call the files of queries and of documents.
    """

    corpus: Corpus
    queries: Queries
    qrels: dict[str, list[Judgment]]
    places: dict[str, Path]
    called: tuple[str, str] = ("queries.jsonl", "corpus.jsonl")

    @cached_property
    def document_at(self) -> dict[str, int]:
        """The place in the corpus of every judged document that is there: a corpus may hold many more."""
        judged = {row.document for rows in self.qrels.values() for row in rows}
        return {name: at for at, name in enumerate(self.corpus.ids) if name in judged}


def read_folder(folder: Path, *, parents: str = "query", cache: Path | None = None) -> JudgedFiles:
    """Read all of it. Raises UserError for the first missing file or broken line. parents, cache: as `read_corpus`."""
    corpus, queries, qrels = _paths(folder)
    return JudgedFiles(
        corpus=read_corpus(corpus, parents=parents, cache=cache),
        queries=read_queries(queries),
        qrels={name: read_qrels(path) for name, path in qrels.items()},
        places=qrels,
    )


def read_corpus(path: Path, *, parents: str = "query", cache: Path | None = None) -> Corpus:
    """The documents, in file order. parents: `data.group_by`: what each was cut from is read for document and auto.

    cache: the folder that keeps a large corpus, None = none is kept.
    """

    def documents() -> Iterator[Document]:
        return documents_of(path, _rows(path), parents=parents)

    stored = stored_corpus(path, documents, parents=parents, cache=cache) if cache is not None else None
    return corpus_of_documents(documents(), parents=parents) if stored is None else stored


def corpus_of(path: Path, rows: Iterable[NumberedRow], *, parents: str = "query") -> Corpus:
    """The documents of rows, held in memory; path: what messages call them."""
    return corpus_of_documents(documents_of(path, rows, parents=parents), parents=parents)


def corpus_of_documents(documents: Iterable[Document], *, parents: str) -> Corpus:
    """The documents, held in memory."""
    ids, titles, texts, wholes = zip(*documents, strict=True)
    return Corpus(ids=ids, titles=titles, texts=texts, parents=wholes if tells_parents(ids, wholes, parents) else ())


def documents_of(path: Path, rows: Iterable[NumberedRow], *, parents: str) -> Iterator[Document]:
    """The document of each row. Raises UserError for a defect, a repeated id, and where there is no row at all."""
    ids: dict[str, int] = {}
    for number, row in rows:
        name = _identifier(path, number, row, ids)
        ids[name] = number
        title, text = text_of(path, number, row, "title", default=""), text_of(path, number, row, "text")
        yield Document(name, title, text, _parent(path, number, row) if parents in {"document", "auto"} else "")
    if not ids:
        raise UserError(f"{path} holds no documents: write one JSON object a line")


def read_queries(path: Path) -> Queries:
    """The queries, in file order."""
    return queries_of(path, _rows(path))


def queries_of(path: Path, rows: Iterable[NumberedRow]) -> Queries:
    """The queries of rows; path: what messages call them."""
    ids: dict[str, int] = {}
    texts = []
    for number, row in rows:
        ids[_identifier(path, number, row, ids)] = number
        text = text_of(path, number, row, "text")
        if not text.strip():
            raise UserError(f"{path}:{number}: the query's text is blank: fill it in or remove the line")
        texts.append(text)
    if not ids:
        raise UserError(f"{path} holds no queries: write one JSON object a line")
    return Queries(ids=tuple(ids), texts=tuple(texts))


def read_qrels(path: Path) -> list[Judgment]:
    """The judgments, in file order. Raises UserError for a file without any."""
    if path.suffix == ".parquet":
        rows = [_judgment_row(path, number, row) for number, row in parquet_rows(path)]
    else:
        numbered = lines(path)
        _, first = next(numbered, (1, ""))
        if first.split("\t") != HEADER:
            raise UserError(f"{path}:1: the header is {first[:80]!r}: it must be {'<tab>'.join(HEADER)}")
        rows = [_judgment(path, number, line) for number, line in numbered if line.strip()]
    if not rows:
        raise UserError(f"{path} holds no judgments below its header: add rows or remove the file")
    return rows


def _paths(folder: Path) -> tuple[Path, Path, dict[str, Path]]:
    if not folder.is_dir():
        raise UserError(f"{folder} is not a folder: name one that holds corpus.jsonl, queries.jsonl and qrels/")
    qrels = sorted(path for path in (folder / "qrels").glob("*") if path.name.endswith(SPLIT_FORMS))
    if not qrels:
        raise UserError(f"{folder / 'qrels'} holds no SPLIT.tsv: add qrels/test.tsv with the header {' '.join(HEADER)}")
    named: dict[str, Path] = {}
    for path in qrels:
        name = path.name.partition(".")[0]
        if named.setdefault(name, path) != path:
            raise UserError(f"{path}: the split {name} has several files: keep one of them")
    return any_form(folder, "corpus"), any_form(folder, "queries"), named


def any_form(folder: Path, name: str) -> Path:
    """NAME.jsonl of a folder, or its gzip or parquet form. Raises UserError where there is none."""
    for form in (".jsonl", ".jsonl.gz", ".parquet"):
        if (path := folder / f"{name}{form}").is_file():
            return path
    raise UserError(
        f"{folder / name}.jsonl is missing (and so are {name}.jsonl.gz and {name}.parquet): "
        "the folder is not in BEIR form"
    )


def _judgment(path: Path, number: int, line: str) -> Judgment:
    fields = line.split("\t")
    if len(fields) != len(HEADER):
        raise UserError(f"{path}:{number}: {line[:80]!r} has {len(fields)} tab-separated fields: it must have 3")
    query, document, score = fields
    return Judgment(query, document, grade_of(path, number, score), number)


def judgments_of(path: Path, rows: Iterable[NumberedRow]) -> list[Judgment]:
    """The judgments of rows with the columns of HEADER; path: what messages call them. Raises UserError for none."""
    found = [_judgment_row(path, number, row) for number, row in rows]
    if not found:
        raise UserError(f"{path} holds no judgments: add rows or leave it out")
    return found


def _judgment_row(path: Path, number: int, row: dict[str, Any]) -> Judgment:
    query, document = (id_of(path, number, row, field) for field in HEADER[:2])
    if row.get("score") is None:
        raise UserError(f"{path}:{number}: the score is missing: the columns must be {', '.join(HEADER)}")
    return Judgment(query, document, grade_of(path, number, row["score"]), number)


def _rows(path: Path) -> Iterator[NumberedRow]:
    """(line or row number, object) of a jsonl or parquet file."""
    return parquet_rows(path) if path.suffix == ".parquet" else json_rows(path)


def _identifier(path: Path, number: int, row: dict[str, Any], seen: dict[str, int]) -> str:
    name = id_of(path, number, row, "_id")
    if not name:
        raise UserError(f"{path}:{number}: the _id is empty: give the line a name")
    if name in seen:
        raise UserError(f"{path}:{number}: duplicate _id {name!r}, first on line {seen[name]}: ids must differ")
    return name


def _parent(path: Path, number: int, row: dict[str, Any]) -> str:
    """`metadata.parent`, or the document's own id."""
    metadata = row.get("metadata")
    if not isinstance(metadata, dict) or metadata.get("parent") is None:
        return id_of(path, number, row, "_id")
    return id_of(path, number, metadata, "parent") or id_of(path, number, row, "_id")

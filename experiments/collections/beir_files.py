"""Reads the files of a folder in BEIR form; every defect is one line that names file, line and value.

``corpus.jsonl[.gz]``: `_id`, `title` (optional), `text`, `metadata` (optional). ``queries.jsonl[.gz]``: `_id`, `text`.
``qrels/SPLIT.tsv``: the header ``query-id corpus-id score``, tab-separated. The whole folder is read before anything is
made of it.
"""

from __future__ import annotations

import gzip
import json
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Any, NamedTuple

from experiments.errors import UserError
from experiments.ir import Corpus, Queries

HEADER = ["query-id", "corpus-id", "score"]
_SURROGATE = re.compile("[\ud800-\udfff]")

_INTEGRAL = re.compile(r"[+-]?[0-9]+(\.0*)?")
_LARGEST_SCORE = 2**31 - 1


class Judgment(NamedTuple):
    """One row of a qrels file: ids as written there, the score, and the line it stands on."""

    query: str
    document: str
    grade: int
    line: int


@dataclass(frozen=True)
class BeirFolder:
    """What stands in the files, in file order; `qrels` by split name, score-0 rows included."""

    corpus: Corpus
    queries: Queries
    qrels: dict[str, list[Judgment]]


def read_folder(folder: Path, *, parents: bool = False) -> BeirFolder:
    """Read all of it. Raises UserError for the first missing file or broken line. parents: as `read_corpus`."""
    corpus, queries, qrels = _paths(folder)
    return BeirFolder(
        corpus=read_corpus(corpus, parents=parents),
        queries=read_queries(queries),
        qrels={path.stem: read_qrels(path) for path in qrels},
    )


def read_corpus(path: Path, *, parents: bool = False) -> Corpus:
    """The documents, in file order. parents: whether to read what each was cut from."""
    ids: dict[str, int] = {}
    titles, texts, wholes = [], [], []
    for number, row in _rows(path):
        ids[_identifier(path, number, row, ids)] = number
        titles.append(_string(path, number, row, "title", default=""))
        texts.append(_string(path, number, row, "text"))
        if parents:
            wholes.append(_parent(path, number, row))
    if not ids:
        raise UserError(f"{path} holds no documents: write one JSON object a line")
    return Corpus(ids=tuple(ids), titles=tuple(titles), texts=tuple(texts), parents=tuple(wholes))


def read_queries(path: Path) -> Queries:
    """The queries, in file order."""
    ids: dict[str, int] = {}
    texts = []
    for number, row in _rows(path):
        ids[_identifier(path, number, row, ids)] = number
        text = _string(path, number, row, "text")
        if not text.strip():
            raise UserError(f"{path}:{number}: the query's text is blank: fill it in or remove the line")
        texts.append(text)
    if not ids:
        raise UserError(f"{path} holds no queries: write one JSON object a line")
    return Queries(ids=tuple(ids), texts=tuple(texts))


def read_qrels(path: Path) -> list[Judgment]:
    """The judgments, in file order. Raises UserError for a file without any."""
    lines = _lines(path)
    _, first = next(lines, (1, ""))
    if first.split("\t") != HEADER:
        raise UserError(f"{path}:1: the header is {first[:80]!r}: it must be {'<tab>'.join(HEADER)}")
    rows = [_judgment(path, number, line) for number, line in lines if line.strip()]
    if not rows:
        raise UserError(f"{path} holds no judgments below its header: add rows or remove the file")
    return rows


def _paths(folder: Path) -> tuple[Path, Path, list[Path]]:
    if not folder.is_dir():
        raise UserError(f"{folder} is not a folder: name one that holds corpus.jsonl, queries.jsonl and qrels/")
    qrels = sorted((folder / "qrels").glob("*.tsv"))
    if not qrels:
        raise UserError(f"{folder / 'qrels'} holds no SPLIT.tsv: add qrels/test.tsv with the header {' '.join(HEADER)}")
    return _plain_or_gz(folder / "corpus.jsonl"), _plain_or_gz(folder / "queries.jsonl"), qrels


def _plain_or_gz(path: Path) -> Path:
    packed = path.with_name(path.name + ".gz")
    for found in (path, packed):
        if found.is_file():
            return found
    raise UserError(f"{path} is missing (and so is {packed.name}): the folder is not in BEIR form")


def _judgment(path: Path, number: int, line: str) -> Judgment:
    fields = line.split("\t")
    if len(fields) != len(HEADER):
        raise UserError(f"{path}:{number}: {line[:80]!r} has {len(fields)} tab-separated fields: it must have 3")
    query, document, score = fields
    return Judgment(query, document, _grade(path, number, score), number)


def _grade(path: Path, number: int, score: str) -> int:
    """`score` as an integer; "1.0", which some tools write, is one."""
    if not _INTEGRAL.fullmatch(score.strip()):
        raise UserError(f"{path}:{number}: the score {score!r} is not an integer: write 0, 1, 2, ...")
    grade = int(score.partition(".")[0])
    if abs(grade) > _LARGEST_SCORE:
        raise UserError(f"{path}:{number}: the score {score!r} is too large: write 0, 1, 2, ...")
    return grade


def _rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """(line number, object) of each line that is not blank."""
    for number, line in _lines(path):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise UserError(f"{path}:{number}: broken JSON ({error.msg}): {line[:80]!r}") from None
        if not isinstance(row, dict):
            raise UserError(f"{path}:{number}: {line[:80]!r} is not a JSON object: write one object a line")
        yield number, row


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """(line number, text without its end). Raises UserError for bytes that are not UTF-8 or a broken archive."""
    number = 0
    try:
        with _open(path) as file:
            for number, data in enumerate(file, start=1):
                encoding = "utf-8-sig" if number == 1 else "utf-8"  # what Windows writes begins with a mark
                yield number, data.decode(encoding).rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise UserError(f"{path}:{number}: not UTF-8 (byte {error.start}): convert the file") from None
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise UserError(f"{path}:{number + 1}: the archive is broken ({error}): fetch it again") from None


def _open(path: Path) -> gzip.GzipFile | BufferedReader:
    return gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb")


def _identifier(path: Path, number: int, row: dict[str, Any], seen: dict[str, int]) -> str:
    name = _string(path, number, row, "_id")
    if not name:
        raise UserError(f"{path}:{number}: the _id is empty: give the line a name")
    if name in seen:
        raise UserError(f"{path}:{number}: duplicate _id {name!r}, first on line {seen[name]}: ids must differ")
    return name


def _parent(path: Path, number: int, row: dict[str, Any]) -> str:
    """`metadata.parent`, or the document's own id."""
    metadata = row.get("metadata")
    if not isinstance(metadata, dict) or metadata.get("parent") is None:
        return _string(path, number, row, "_id")
    return _string(path, number, metadata, "parent") or _string(path, number, row, "_id")


def _string(path: Path, number: int, row: dict[str, Any], field: str, default: str | None = None) -> str:
    value = row.get(field, default)
    if value is None and default is not None:
        return default
    if value is None:
        raise UserError(
            f"{path}:{number}: the field {field!r} is missing: the line has {', '.join(row) or 'no fields'}"
        )
    if not isinstance(value, str):
        raise UserError(
            f"{path}:{number}: the field {field!r} is {value!r}: it must be a string: write {json.dumps(str(value))}"
        )
    if _SURROGATE.search(value):
        raise UserError(f"{path}:{number}: the field {field!r} holds half a surrogate pair: {value!a:.80}")
    return value

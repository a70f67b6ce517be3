"""Files of scores that another program has written: which files count, what names them, and how they are read."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from experiments.contents import file_sha256
from experiments.errors import UserError

TREC = ["query", "q0", "document", "rank", "score", "tag", "more"]
EMBEDDINGS = ("documents.npy", "documents.txt", "queries.npy", "queries.txt")
ROWS_AT_ONCE = 256
"""Lists of 2,048 candidates each that are read at once: half a million pairs."""


@dataclass(frozen=True)
class Scored:
    """P pairs as a file has them: ids as text, and float64 scores; where(i): the place of pair i, for messages."""

    query: npt.NDArray[np.object_]
    document: npt.NDArray[np.object_]
    score: npt.NDArray[np.float64]
    where: Callable[[int], str]


def files_of(path: Path, kind: str, split: str | None) -> list[Path]:
    """The files of a precomputed teacher's format at `path`. Raises UserError where they are not there."""
    match kind:
        case "embeddings":
            found = [path / name for name in EMBEDDINGS]
            for file in found:
                if not file.is_file():
                    raise UserError(f"{file} is missing: format=embeddings needs {', '.join(EMBEDDINGS)} in one folder")
            return found
        case "lists":
            folder = path / "scores" if (path / "scores").is_dir() else path
            return _parquet(folder, f"{split}-" if split is not None else "")
        case "parquet":
            return [path] if path.is_file() else _parquet(path, "")
    if not path.is_file():
        raise UserError(f"{path} is no file: format={kind} is one file of lines qid Q0 docid rank score tag")
    return [path]


def content_of(path: Path, files: Sequence[Path]) -> str:
    """First 16 hex digits of the sha256 over the files' contents, and over their names where `path` is a folder."""
    names = [file.relative_to(path).as_posix() if path.is_dir() else "" for file in files]
    lines = (f"{name}\0{file_sha256(file)}\n" for name, file in zip(names, files, strict=True))
    return hashlib.sha256("".join(lines).encode("utf-8", "surrogateescape")).hexdigest()[:16]


def read_scores(files: Sequence[Path], kind: str) -> Iterator[Scored]:
    """The pairs of all files, in parts. Raises UserError for what is not in the format."""
    for file in files:
        match kind:
            case "trec":
                yield _read_trec(file)
            case "parquet":
                with _readable(file):
                    yield _read_pairs(file)
            case _:
                with _readable(file):
                    yield from _read_lists(file)


@contextmanager
def _readable(file: Path) -> Iterator[None]:
    """Raises UserError for parquet that is damaged, or whose columns hold something else than ids and scores."""
    import pyarrow as pa

    try:
        yield
    except pa.ArrowException as error:
        cause = next(iter(str(error).splitlines()), type(error).__name__)
        raise UserError(f"{file}: its columns cannot be read as ids and scores ({cause}): mend the file") from error


def _parquet(folder: Path, prefix: str) -> list[Path]:
    found = sorted(folder.glob(f"{prefix}*.parquet")) if folder.is_dir() else []
    if not found:
        raise UserError(f"{folder} holds no {prefix}*.parquet: check teacher.path and teacher.split")
    return found


def _read_trec(file: Path) -> Scored:
    import pandas as pd

    try:
        table = pd.read_csv(
            file, sep=r"\s+", names=TREC, dtype=str, quoting=csv.QUOTE_NONE, keep_default_na=False, na_values=[""],
            skip_blank_lines=False,
        ).dropna(how="all")  # fmt: skip
    except (UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise UserError(f"{file}: not a TREC run ({error}): write lines of qid Q0 docid rank score tag") from error
    wrong = table.index[table["tag"].isna() | table["more"].notna()]
    if len(wrong):
        raise UserError(f"{file}:{wrong[0] + 1}: has not six columns: write qid Q0 docid rank score tag")
    line = table.index.to_numpy() + 1
    score = _numbers(table["score"].to_numpy(dtype=object), lambda i: f"{file}:{line[i]}")
    return Scored(
        query=table["query"].to_numpy(dtype=object),
        document=table["document"].to_numpy(dtype=object),
        score=score,
        where=lambda i: f"{file}:{line[i]}",
    )


def _numbers(texts: npt.NDArray[np.object_], where: Callable[[int], str]) -> npt.NDArray[np.float64]:
    try:
        return texts.astype(np.float64)
    except ValueError:
        first = next(i for i, text in enumerate(texts) if not _is_number(text))
        raise UserError(f"{where(first)}: the score {texts[first]!r} is no number: mend the file") from None


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _read_pairs(file: Path) -> Scored:
    table = _table(file)
    names = table.schema_arrow.names
    document = "corpus-id" if "corpus-id" in names else "doc-id"
    read = table.read(columns=_columns(file, names, ["query-id", document, "score"]))
    return Scored(
        query=_ids(read.column("query-id")),
        document=_ids(read.column(document)),
        score=_floats(read.column("score")),
        where=lambda i: f"{file}, row {i}",
    )


def _read_lists(file: Path) -> Iterator[Scored]:
    import pyarrow.compute as pc

    table = _table(file)
    columns = _columns(file, table.schema_arrow.names, ["query_id", "document_ids", "scores"])
    before = 0
    for batch in table.iter_batches(batch_size=ROWS_AT_ONCE, columns=columns):
        sizes = [pc.list_value_length(batch.column(name)).fill_null(0) for name in columns[1:]]
        length, scores = (size.to_numpy(zero_copy_only=False) for size in sizes)
        if not np.array_equal(length, scores):
            first = int(np.flatnonzero(length != scores)[0])
            raise UserError(
                f"{file}, row {before + first}: {length[first]} document_ids and {scores[first]} scores: mend the file"
            )
        row = np.repeat(np.arange(len(length)), length)
        yield Scored(
            query=_ids(batch.column("query_id"))[row],
            document=_ids(batch.column("document_ids").flatten()),
            score=_floats(batch.column("scores").flatten()),
            where=_place(file, row + before),
        )
        before += len(length)


def _place(file: Path, row: npt.NDArray[np.intp]) -> Callable[[int], str]:
    return lambda i: f"{file}, row {row[i]}"


def _table(file: Path) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.ParquetFile(file)
    except (pa.ArrowInvalid, OSError) as error:
        raise UserError(f"{file}: not a parquet file ({error})") from error


def _columns(file: Path, found: Sequence[str], wanted: list[str]) -> list[str]:
    missing = [name for name in wanted if name not in found]
    if missing:
        raise UserError(f"{file}: has no column {missing[0]!r} (it has: {', '.join(found)}): name it so")
    return wanted


def _ids(column: Any) -> npt.NDArray[np.object_]:
    import pyarrow as pa

    return np.asarray(column.cast(pa.string()).to_numpy(zero_copy_only=False), dtype=object)


def _floats(column: Any) -> npt.NDArray[np.float64]:
    import pyarrow as pa

    return np.asarray(column.cast(pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64)

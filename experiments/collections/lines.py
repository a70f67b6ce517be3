"""Reads lines and JSON objects of text files, plain or gzip; every defect is one line that names file and line."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable, Iterator
from io import BufferedReader
from pathlib import Path
from typing import Any

from experiments.errors import UserError

_SCAN: Callable[[str, int], tuple[Any, int]] = vars(json.JSONDecoder())["scan_once"]
NumberedRow = tuple[int, dict[str, Any]]
"""Where a row stands in its file, from 1, and its fields."""


def decoded(path: Path) -> Iterator[tuple[int, str]]:
    """(line number, text with its end). Raises UserError for bytes that are not UTF-8 or a broken archive."""
    number = 0
    try:
        with _open(path) as file:
            for number, data in enumerate(file, start=1):
                encoding = "utf-8-sig" if number == 1 else "utf-8"  # what Windows writes begins with a mark
                yield number, data.decode(encoding)
    except UnicodeDecodeError as error:
        raise UserError(f"{path}:{number}: not UTF-8 (byte {error.start}): convert the file") from None
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise UserError(f"{path}:{number + 1}: the archive is broken ({error}): fetch it again") from None


def lines(path: Path) -> Iterator[tuple[int, str]]:
    """(line number, text without its end), as `decoded`."""
    return ((number, text.rstrip("\r\n")) for number, text in decoded(path))


def json_rows(path: Path) -> Iterator[NumberedRow]:
    """The object on each line that is not blank. Raises UserError for a line that holds none."""
    for number, line in lines(path):
        if not line.strip():
            continue
        try:
            row = _parsed(line)
        except json.JSONDecodeError as error:
            raise UserError(f"{path}:{number}: broken JSON ({error.msg}): {line[:80]!r}") from None
        if not isinstance(row, dict):
            raise UserError(f"{path}:{number}: {line[:80]!r} is not a JSON object: write one object a line")
        yield number, row


def _parsed(line: str) -> Any:
    """What `json.loads` gives, by its scanner alone where the line holds a value from end to end: half the time."""
    try:
        row, end = _SCAN(line, 0)
    except (StopIteration, json.JSONDecodeError):
        return json.loads(line)
    return row if end == len(line) else json.loads(line)


def _open(path: Path) -> gzip.GzipFile | BufferedReader:
    return gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb")

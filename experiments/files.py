"""Writes files whole, and says in one line why a disk takes no more.

A file is written aside and renamed, so that no reader sees half of it.
"""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from experiments.errors import UserError

_FIXES = {
    errno.ENOSPC: "free some space there",
    errno.EDQUOT: "free some space there, or have the quota raised",
    errno.EFBIG: "raise the limit on the size of a file (ulimit -f)",
    errno.EROFS: "make it writable",
}
"""What a full or closed disk answers -> what the user can do, whichever path was written."""
_DENIED = (errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EIO)
"""Answers that speak of the disk only where it is known that its path was written."""
_SAFETENSORS = re.compile(r"\(os error (\d+)\)|Os \{ code: (\d+),")
_NUMPY = re.compile(r"\d+ requested and \d+ written")
_TORCH = re.compile(r"PytorchStreamWriter failed writing|unexpected pos \d+ vs \d+")


class StorageError(UserError):
    """The disk refuses what is to be written: no space, a quota, a limit, no permission."""


def write_json(path: Path, value: Any) -> None:
    """Sorted, indented, newline-terminated JSON, written as `write_text` does."""
    write_text(path, json_text(value))


def json_text(value: Any) -> str:
    """Sorted, indented, newline-terminated JSON: equal values are equal text. Raises ValueError for NaN."""
    return json.dumps(value, sort_keys=True, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def write_text(path: Path, text: str) -> None:
    """UTF-8, written as `write_bytes` does."""
    write_bytes(path, text.encode("utf-8"))


def write_bytes(path: Path, data: bytes) -> None:
    """Written as `write_file` does."""
    write_file(path, lambda file: file.write(data))


def write_file(path: Path, fill: Callable[[IO[bytes]], object]) -> None:
    """What `fill` writes: aside, flushed to the disk and renamed. Raises StorageError; a failure leaves nothing."""
    scratch = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with scratch.open("wb") as file:
            fill(file)
            file.flush()
            # Without it a power cut can leave an empty file under the final name.
            os.fsync(file.fileno())
        scratch.replace(path)
    except OSError as error:
        raise StorageError(refusal(path, _number(error), str(error))) from error
    finally:
        with suppress(OSError):
            scratch.unlink(missing_ok=True)


@contextmanager
def storage_errors(folder: Path, *, elsewhere: str) -> Iterator[None]:
    """Raises StorageError where a full, limited or closed disk is why the block failed; else what it raised.

    elsewhere: how to name another `folder`.
    """
    try:
        yield
    except Exception as error:
        number = storage_failure(error, folder)
        if number is None:
            raise
        raise StorageError(refusal(folder, number, elsewhere=elsewhere)) from error


def storage_failure(error: BaseException | None, folder: Path | None = None) -> int | None:
    """The errno with which a disk refused, if that is behind an exception, else None.

    A missing permission counts below `folder` only, which is known to have been written to, not read.

    numpy, safetensors and torch say so in the text of an error of their own.
    """
    while error is not None:
        number = _number(error)
        if number in _FIXES or (number in _DENIED and _names(error, folder)):
            return number
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return None


def refusal(path: Path, number: int | None, reason: str = "", *, elsewhere: str = "name another folder") -> str:
    """One line: the path, the system's reason, the space that is left, how to go on."""
    why = os.strerror(number) if number is not None else reason
    fix = _FIXES.get(number or 0, "make it writable")
    return f"{path}: cannot be written ({why}{_free(path)}): {fix}, or {elsewhere}"


def _number(error: BaseException) -> int | None:
    if found := _SAFETENSORS.search(str(error)):
        return int(found[1] or found[2])
    if _TORCH.search(str(error)):
        return errno.ENOSPC  # the system's own answer is lost in torch's writer
    if not isinstance(error, OSError):
        return None
    # numpy counts the items that reached the disk and forgets why.
    return errno.ENOSPC if error.errno is None and _NUMPY.search(str(error)) else error.errno


def _names(error: BaseException, folder: Path | None) -> bool:
    name = getattr(error, "filename", None)
    return folder is not None and isinstance(name, str | os.PathLike) and Path(name).is_relative_to(folder)


def _free(path: Path) -> str:
    """`, 12 MB free` on the disk of a path, or nothing where that is unknown."""
    there = next((parent for parent in (path, *path.parents) if parent.exists()), None)
    return f", {shutil.disk_usage(there).free / 1e6:.0f} MB free" if there is not None else ""

"""What a collection's content was when its files were read last, noted in the store beside what else is kept of it.

A finished run is checked against the note, so that it needs no text at all while size, times and inode of every file
stay. A note counts for the code that wrote it only.
"""

from __future__ import annotations

import functools
import hashlib
from contextlib import suppress
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from experiments.files import StorageError, write_text
from experiments.identity import digest
from experiments.ir import hash_texts

PACKAGE = Path(__file__).parents[1]
DECIDING = ("collections/*.py", "config/data.py", "ir.py", "identity.py")
"""The code that makes a collection of its files."""


class _Note(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    state: str
    contents: dict[str, str]


def noted(what: str, state: str, *, cache: Path) -> dict[str, str] | None:
    """The content hashes by name that were noted of `what` in this state; None where there is no such note."""
    path = _path(what, cache)
    if not path.is_file():
        return None
    try:
        note = _Note.model_validate_json(path.read_text(encoding="utf-8"))
    except (ValidationError, UnicodeDecodeError):
        path.unlink(missing_ok=True)  # damaged: made anew
        return None
    return note.contents if note.state == under_this_code(state) else None


def note(what: str, state: str, contents: dict[str, str], *, cache: Path) -> None:
    """Note them in place of those of an earlier state; nothing where there is no store yet, or no room in it."""
    if not cache.parent.is_dir():
        return
    # All that is lost without it is time.
    with suppress(StorageError):
        write_text(_path(what, cache), _Note(state=under_this_code(state), contents=contents).model_dump_json() + "\n")


def _path(what: str, cache: Path) -> Path:
    return cache / f"content-{digest(what)}.json"


def under_this_code(state: str) -> str:
    """A digest of a state and of the code that makes a collection of its files."""
    return hash_texts([_code(), state])


@functools.cache
def _code() -> str:
    found = hashlib.sha256()
    for path in sorted(path for pattern in DECIDING for path in PACKAGE.glob(pattern)):
        found.update(path.read_bytes())
    return found.hexdigest()

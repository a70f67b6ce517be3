"""Keeps a large corpus as an Arrow file that is mapped, beside what would otherwise be counted over all of its texts.

It is read from its own file once: as long as that file and this code stay, a run needs no text but those it looks at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

from experiments.collections.mapped import KnownTexts, MadeTexts, MappedTexts
from experiments.collections.noted import state_of, under_this_code
from experiments.contents import settled_states
from experiments.files import StorageError, storage_errors, write_text
from experiments.identity import digest
from experiments.ir import Corpus, TextKeys, first_equal, hash_texts, normalise_text, passage_of, text_keys
from experiments.scratch import locked, move_into_place, remove_abandoned, scratch_folder

LEAST = 1 << 26
"""Bytes of a corpus file from which on it is kept: 64 MB of JSON lines are read in about a second."""
ROWS_AT_ONCE = 10_000

TEXTS, KEYS, FIRST, FACTS = "texts.arrow", "keys.npy", "first.npy", "facts.json"


class Document(NamedTuple):
    """One document; parent: the whole that it was cut from, "" where that is not asked for."""

    id: str
    title: str
    text: str
    parent: str


class Facts(BaseModel):
    """What is known of a corpus as a whole. state: of its file and of the code that read it.

    with_parents: whether it tells what documents were cut from.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    state: str
    documents: int
    content_hash: str
    passages_hash: str
    without_text: tuple[int, int]
    with_parents: bool


@dataclass(frozen=True, eq=False, kw_only=True)
class StoredCorpus(Corpus):
    """A corpus whose texts are read from a mapped file when they are asked for, and which knows the rest."""

    folder: Path
    facts: Facts

    @cached_property
    def passages(self) -> Sequence[str]:
        """As of any corpus, made of title and text when one is asked for."""
        return KnownTexts(passage_of, self.titles, self.texts, content_hash=self.facts.passages_hash)

    @cached_property
    def normalised(self) -> Sequence[str]:
        """As of any corpus, made when one is asked for."""
        return MadeTexts(normalise_text, self.passages)

    @cached_property
    def keys(self) -> TextKeys:
        """As of any corpus, mapped."""
        return self._mapped(KEYS)

    @cached_property
    def first_equal(self) -> npt.NDArray[np.int64]:
        """As of any corpus, mapped."""
        return self._mapped(FIRST)

    @cached_property
    def without_text(self) -> tuple[int, int]:
        """As of any corpus, counted when it was written."""
        return self.facts.without_text

    @cached_property
    def content_hash(self) -> str:
        """As of any corpus, taken when it was written."""
        return self.facts.content_hash

    def _mapped(self, name: str) -> npt.NDArray[Any]:
        mapped: npt.NDArray[Any] = np.load(self.folder / name, mmap_mode="r")
        return mapped


def stored_corpus(
    path: Path, documents: Callable[[], Iterable[Document]], *, parents: str, cache: Path
) -> StoredCorpus | None:
    """The corpus that is kept of a file, written down first where there is none of its present state.

    documents: reads the file. None where the file is small or has just changed, where there is no store yet, and where
    the store takes nothing more. Raises UserError as `documents` does.
    """
    if path.stat().st_size < LEAST or not cache.parent.is_dir():
        return None
    states = settled_states([path])
    if not states:
        return None
    state, folder = under_this_code(state_of(states)), cache / f"corpus-{digest([str(path.resolve()), parents])}"
    if (kept := _opened(folder, state)) is not None:
        return kept
    # Without it the texts are held in memory.
    with suppress(StorageError), storage_errors(cache, elsewhere="use another store"), locked(folder):
        if _opened(folder, state) is None:
            remove_abandoned(folder)
            with scratch_folder(folder) as scratch:
                _write(scratch, documents(), parents=parents, state=state)
                move_into_place(scratch, folder)
    return _opened(folder, state)


def tells_parents(ids: Iterable[str], wholes: Iterable[str], parents: str) -> bool:
    """Whether a corpus tells what its documents were cut from: where it is asked for, or some were (parents: auto)."""
    return parents == "document" or (parents == "auto" and any(a != b for a, b in zip(ids, wholes, strict=True)))


def _opened(folder: Path, state: str) -> StoredCorpus | None:
    """The corpus in a folder; None where it is of another state, damaged or not there."""
    try:
        facts = Facts.model_validate_json((folder / FACTS).read_text(encoding="utf-8"))
        columns = _columns(folder / TEXTS)
    except (OSError, ValueError):  # Arrow's and pydantic's errors are ValueErrors
        return None
    if facts.state != state or any(len(column) != facts.documents for column in columns):
        return None
    ids, titles, texts, parents = columns
    return StoredCorpus(ids, titles, texts, parents if facts.with_parents else (), folder=folder, facts=facts)


def _write(folder: Path, documents: Iterable[Document], *, parents: str, state: str) -> None:
    """Fill a folder, some thousand documents at a time."""
    _write_columns(folder / TEXTS, documents)
    ids, titles, texts, wholes = _columns(folder / TEXTS)
    corpus = Corpus(ids, titles, texts)
    keys = text_keys(map(normalise_text, map(passage_of, titles, texts)))
    np.save(folder / KEYS, keys)
    np.save(folder / FIRST, first_equal(keys))
    facts = Facts(
        state=state,
        documents=len(corpus),
        content_hash=corpus.content_hash,
        passages_hash=hash_texts(map(passage_of, titles, texts)),
        without_text=corpus.without_text,
        with_parents=tells_parents(ids, wholes, parents),
    )
    write_text(folder / FACTS, facts.model_dump_json() + "\n")


def _write_columns(path: Path, documents: Iterable[Document]) -> None:
    import pyarrow as pa

    # Offsets of 64 bits: ten thousand long documents may take more than 2 GB.
    schema = pa.schema([(name, pa.large_string()) for name in Document._fields])
    rows = iter(documents)
    with path.open("wb") as file, pa.ipc.new_stream(file, schema) as writer:
        while batch := list(islice(rows, ROWS_AT_ONCE)):
            columns = [pa.array(column, pa.large_string()) for column in zip(*batch, strict=True)]
            writer.write_batch(pa.record_batch(columns, schema=schema))


def _columns(path: Path) -> list[MappedTexts]:
    """Ids, titles, texts and parents. Raises OSError or ValueError for a file that holds no such table."""
    import pyarrow as pa

    with pa.memory_map(str(path)) as file:
        table = pa.ipc.open_stream(file).read_all()
    return [MappedTexts(table.column(name)) for name in Document._fields]

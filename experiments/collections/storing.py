"""Writes a large corpus into the store, once: as long as its file and this code stay, a run maps what was written."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt

from experiments.collections.stored import (
    FACTS,
    FIRST,
    KEYS,
    TEXTS,
    Document,
    Facts,
    StoredCorpus,
    corpus_folder,
    mapped_columns,
    open_corpus,
    present_state,
)
from experiments.files import StorageError, storage_errors, write_file, write_text
from experiments.ir import Corpus, first_equal, hash_texts, normalise_text, passage_of, text_keys
from experiments.scratch import locked, move_into_place, remove_abandoned, scratch_folder

LEAST = 1 << 26
"""Bytes of a corpus file from which on it is kept: 64 MB of JSON lines are read in about a second."""
ROWS_AT_ONCE = 10_000


def stored_corpus(
    path: Path, documents: Callable[[], Iterable[Document]], *, parents: str, cache: Path
) -> StoredCorpus | None:
    """The corpus that is kept of a file, written down first where there is none of its present state.

    documents: reads the file. None where the file is small or has just changed, where there is no store yet, and where
    the store takes nothing more. Raises UserError as `documents` does.
    """
    if path.stat().st_size < LEAST or not cache.parent.is_dir():
        return None
    state, folder = present_state(path), corpus_folder(cache, path, parents=parents)
    if state is None:
        return None
    if (kept := open_corpus(folder, state)) is not None:
        return kept
    # Without it the texts are held in memory. A file is missing where a command that found nobody at work in the store
    # has cleared what this process was writing: not all that read collections hold a share of its lock.
    with (
        suppress(StorageError, FileNotFoundError),
        storage_errors(cache, elsewhere="use another store"),
        locked(folder),
    ):
        if (kept := open_corpus(folder, state)) is not None:
            return kept
        remove_abandoned(folder)
        with scratch_folder(folder) as scratch:
            _write(scratch, documents(), source=path.resolve(), parents=parents, state=state)
            move_into_place(scratch, folder)
        return open_corpus(folder, state)
    return None


def tells_parents(ids: Iterable[str], wholes: Iterable[str], parents: str) -> bool:
    """Whether a corpus tells what its documents were cut from: where it is asked for, or some were (parents: auto)."""
    return parents == "document" or (parents == "auto" and any(a != b for a, b in zip(ids, wholes, strict=True)))


def _write(folder: Path, documents: Iterable[Document], *, source: Path, parents: str, state: str) -> None:
    """Fill a folder, some thousand documents at a time; each file is on the disk before the folder counts."""
    write_file(folder / TEXTS, lambda file: _write_columns(file, documents))
    ids, titles, texts, wholes = mapped_columns(folder / TEXTS)
    corpus = Corpus(ids, titles, texts)
    keys = text_keys(map(normalise_text, map(passage_of, titles, texts)))
    _write_array(folder / KEYS, keys)
    _write_array(folder / FIRST, first_equal(keys))
    facts = Facts(
        source=source,
        state=state,
        documents=len(corpus),
        content_hash=corpus.content_hash,
        passages_hash=hash_texts(map(passage_of, titles, texts)),
        without_text=corpus.without_text,
        with_parents=tells_parents(ids, wholes, parents),
    )
    write_text(folder / FACTS, facts.model_dump_json() + "\n")


def _write_array(path: Path, array: npt.NDArray[np.generic]) -> None:
    write_file(path, lambda file: np.save(file, array))


def _write_columns(file: IO[bytes], documents: Iterable[Document]) -> None:
    import pyarrow as pa

    # Offsets of 64 bits: ten thousand long documents may take more than 2 GB.
    schema = pa.schema([(name, pa.large_string()) for name in Document._fields])
    rows = iter(documents)
    with pa.ipc.new_stream(file, schema) as writer:
        while batch := list(islice(rows, ROWS_AT_ONCE)):
            columns = [pa.array(column, pa.large_string()) for column in zip(*batch, strict=True)]
            writer.write_batch(pa.record_batch(columns, schema=schema))

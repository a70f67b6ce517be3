"""A large corpus that lies in the store as a mapped Arrow file, beside what is known of all of its texts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

from experiments.collections.mapped import KnownTexts, MadeTexts, MappedTexts
from experiments.collections.noted import under_this_code
from experiments.contents import settled_states, state_of
from experiments.identity import digest
from experiments.ir import Corpus, TextKeys, normalise_text, passage_of

TEXTS, KEYS, FIRST, FACTS = "texts.arrow", "keys.npy", "first.npy", "facts.json"
PREFIX = "corpus-"


class Document(NamedTuple):
    """One document; parent: the whole that it was cut from, "" where that is not asked for."""

    id: str
    title: str
    text: str
    parent: str


class Facts(BaseModel):
    """What is known of a corpus as a whole. source: its file; state: of that file and of the code that read it.

    with_parents: whether it tells what documents were cut from.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: Path
    state: str
    documents: int
    content_hash: str
    passages_hash: str
    without_text: tuple[int, int]
    with_parents: bool


class Arrays(NamedTuple):
    """`Corpus.keys` and `Corpus.first_equal`, mapped."""

    keys: TextKeys
    first_equal: npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False, kw_only=True)
class StoredCorpus(Corpus):
    """A corpus whose texts are read from a mapped file when they are asked for, and which knows the rest.

    All of its files are open: another corpus that is put in their place changes nothing.
    """

    facts: Facts
    arrays: Arrays

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
        return self.arrays.keys

    @cached_property
    def first_equal(self) -> npt.NDArray[np.int64]:
        """As of any corpus, mapped."""
        return self.arrays.first_equal

    @cached_property
    def without_text(self) -> tuple[int, int]:
        """As of any corpus, counted when it was written."""
        return self.facts.without_text

    @cached_property
    def content_hash(self) -> str:
        """As of any corpus, taken when it was written."""
        return self.facts.content_hash


def corpus_folder(cache: Path, source: Path, *, parents: str) -> Path:
    """Where the corpus of a file lies or would lie. parents: `data.group_by`."""
    return cache / f"{PREFIX}{digest([str(source.resolve()), parents])}"


def corpus_folders(cache: Path) -> Iterator[Path]:
    """Those that are there."""
    yield from sorted(path for path in cache.glob(f"{PREFIX}*") if path.is_dir())


def present_state(source: Path) -> str | None:
    """Of a file and of this code; None where the file has just changed, or is gone."""
    states = settled_states([source])
    return under_this_code(state_of(states)) if states else None


def is_current(folder: Path) -> bool:
    """Whether a run would read the corpus in a folder: its file and this code are still those that it was made by."""
    try:
        facts = _facts(folder)
    except (OSError, ValueError):
        return False
    return facts.state == present_state(facts.source)


def open_corpus(folder: Path, state: str) -> StoredCorpus | None:
    """The corpus in a folder; None where it is of another state, damaged or not there."""
    try:
        facts = _facts(folder)
        columns = mapped_columns(folder / TEXTS)
        arrays = Arrays(*(np.load(folder / name, mmap_mode="r") for name in (KEYS, FIRST)))
        # Between two of these files another process may have put the corpus of another state in their place.
        if facts.state != state or _facts(folder) != facts:
            return None
    except (OSError, ValueError):  # Arrow's, numpy's and pydantic's errors are ValueErrors
        return None
    if {*map(len, columns), *map(len, arrays)} != {facts.documents}:
        return None
    ids, titles, texts, parents = columns
    return StoredCorpus(ids, titles, texts, parents if facts.with_parents else (), facts=facts, arrays=arrays)


def mapped_columns(path: Path) -> list[MappedTexts]:
    """Ids, titles, texts and parents. Raises OSError or ValueError for a file that holds no such table."""
    import pyarrow as pa

    with pa.memory_map(str(path)) as file:
        table = pa.ipc.open_stream(file).read_all()
    return [MappedTexts(table.column(name)) for name in Document._fields]


def _facts(folder: Path) -> Facts:
    return Facts.model_validate_json((folder / FACTS).read_text(encoding="utf-8"))

"""Texts that stay in a file: a column of an Arrow file that is mapped, and texts made of others when one is asked for.

A corpus of millions of passages then takes the memory of the pages that are being read, which the system takes back.
"""

from __future__ import annotations

import itertools
from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, SupportsIndex, overload

from experiments.ir import HashedTexts

if TYPE_CHECKING:
    import pyarrow as pa

AT_ONCE = 4096
"""Texts that are turned into Python strings together where all are read."""


class ReadTexts(Sequence[str]):
    """Texts that are read when they are asked for; equal to any sequence that holds the same ones in the same order."""

    __hash__ = None  # type: ignore[assignment]

    @abstractmethod
    def one(self, at: int) -> str:
        """The text at a place; a negative one counts from the end. Raises IndexError."""

    @abstractmethod
    def some(self, at: slice) -> tuple[str, ...]:
        """The texts of a slice."""

    @overload
    def __getitem__(self, at: SupportsIndex) -> str: ...
    @overload
    def __getitem__(self, at: slice) -> tuple[str, ...]: ...
    def __getitem__(self, at: SupportsIndex | slice) -> str | tuple[str, ...]:
        return self.some(at) if isinstance(at, slice) else self.one(at.__index__())

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence) or isinstance(other, str | bytes) or len(self) != len(other):
            return False
        return all(a == b for a, b in zip(self, other, strict=True))


class MappedTexts(ReadTexts):
    """A column of strings without nulls, such as one of an Arrow file that is mapped."""

    def __init__(self, column: pa.ChunkedArray) -> None:
        self._column = column

    @property
    def column(self) -> pa.ChunkedArray:
        """What it reads from; to be passed on without a copy."""
        return self._column

    def __len__(self) -> int:
        return len(self._column)

    def one(self, at: int) -> str:
        """As of any such texts."""
        text: str = self._column[at].as_py()
        return text

    def some(self, at: slice) -> tuple[str, ...]:
        """As of any such texts."""
        places = range(*at.indices(len(self)))
        if places.step != 1:
            return tuple(map(self.one, places))
        return tuple(self._column.slice(places.start, len(places)).to_pylist())

    def __iter__(self) -> Iterator[str]:
        starts = range(0, len(self), AT_ONCE)
        return itertools.chain.from_iterable(self._column.slice(start, AT_ONCE).to_pylist() for start in starts)


class MadeTexts(ReadTexts):
    """Texts that `make` gives of the texts in the same place of others, anew each time one is asked for."""

    def __init__(self, make: Callable[..., str], *others: Sequence[str]) -> None:
        self._make, self._others = make, others

    def __len__(self) -> int:
        return len(self._others[0])

    def one(self, at: int) -> str:
        """As of any such texts."""
        return self._make(*(texts[at] for texts in self._others))

    def some(self, at: slice) -> tuple[str, ...]:
        """As of any such texts."""
        return tuple(map(self._make, *(texts[at] for texts in self._others)))

    def __iter__(self) -> Iterator[str]:
        return map(self._make, *self._others)


class KnownTexts(MadeTexts, HashedTexts):
    """Such texts, when whoever makes the value knows their `hash_texts`."""

    def __init__(self, make: Callable[..., str], *others: Sequence[str], content_hash: str) -> None:
        super().__init__(make, *others)
        self._content_hash = content_hash

    @property
    def content_hash(self) -> str:
        """Their `hash_texts`."""
        return self._content_hash

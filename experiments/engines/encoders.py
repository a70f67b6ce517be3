"""Shards of texts to vectors, in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from experiments.execution import Execution
from experiments.ir import Scores
from experiments.models.encoding import Role, encode_batch, token_lengths, unit

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


class Load(Protocol):
    """Loads the model that encodes."""

    def __call__(self, *, execution: Execution) -> SentenceTransformer:
        """The model, on the execution's device."""
        ...


TextsOf = Callable[[int], list[str]]
"""The texts of a shard, in the order in which they are batched."""
Tell = Callable[[int], object]
"""Told how many more texts have been encoded."""


@dataclass(frozen=True)
class Encoding:
    """How texts become vectors. batch: texts encoded together. name: the model, for messages.

    normalize: the model gives unit vectors; they are normalised anew in float32, since a model in bf16 gives them three
    digits.
    """

    role: Role
    batch: int
    name: str
    normalize: bool


class Encoders(Protocol):
    """What turns shards into vectors: the same batches, whoever works."""

    def lengths(self, texts: Sequence[str]) -> npt.NDArray[np.int64]:
        """As `token_lengths`."""
        ...

    def encode(self, shards: Sequence[int], texts_of: TextsOf) -> Iterator[tuple[int, Scores]]:
        """Each shard and its vectors (n, d) float32, in the order of its texts; shards as they are ready.

        Raises UserError for a text whose vector is not finite.
        """
        ...


@dataclass(frozen=True)
class OneProcess:
    """Batch after batch with one model."""

    model: SentenceTransformer
    encoding: Encoding
    tell: Tell

    def lengths(self, texts: Sequence[str]) -> npt.NDArray[np.int64]:
        """As `token_lengths`."""
        return token_lengths(self.model, texts)

    def encode(self, shards: Sequence[int], texts_of: TextsOf) -> Iterator[tuple[int, Scores]]:
        """One shard after another."""
        return ((shard, self.vectors(texts_of(shard))) for shard in shards)

    def vectors(self, texts: list[str]) -> Scores:
        """(n, d) of texts in their order of batches."""
        vectors = np.empty((len(texts), self.model.get_embedding_dimension()), dtype=np.float32)
        for start in range(0, len(texts), self.encoding.batch):
            batch = texts[start : start + self.encoding.batch]
            found = encode_batch(self.model, batch, role=self.encoding.role, name=self.encoding.name)
            vectors[start : start + len(batch)] = unit(found) if self.encoding.normalize else found
            self.tell(len(batch))
        return vectors

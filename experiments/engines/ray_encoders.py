"""Shards of texts to vectors by Ray's workers, one shard each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from experiments.engines.encoders import Encoding, Load, OneProcess, Tell, TextsOf
from experiments.engines.ray_workers import Workers, ray_workers
from experiments.engines.shards import cuts
from experiments.execution import Execution
from experiments.ir import Scores


@dataclass(frozen=True)
class OnRay:
    """Workers that each have the model. rows: texts whose lengths are taken together."""

    workers: Workers
    rows: int
    tell: Tell

    def lengths(self, texts: Sequence[str]) -> npt.NDArray[np.int64]:
        """As `token_lengths`."""
        pieces = cuts(len(texts), self.rows)
        found = dict(self.workers.run("lengths", range(len(pieces)), lambda piece: list(texts[pieces[piece]])))
        return np.concatenate([found[piece] for piece in range(len(pieces))])

    def encode(self, shards: Sequence[int], texts_of: TextsOf) -> Iterator[tuple[int, Scores]]:
        """Shards as they are ready."""
        for shard, vectors in self.workers.run("vectors", shards, texts_of):
            self.tell(len(vectors))
            yield shard, vectors


@dataclass(frozen=True)
class BuildEncoder:
    """Loads the model where the worker is."""

    load: Load
    encoding: Encoding

    def __call__(self, execution: Execution) -> OneProcess:
        """The model, ready."""
        return OneProcess(self.load(execution=execution), self.encoding, lambda _: None)


@contextmanager
def encoders_on_ray(load: Load, encoding: Encoding, *, rows: int, tell: Tell, execution: Execution) -> Iterator[OnRay]:
    """Ray's workers with the model, ended with the block. Raises UserError as `ray_workers` does."""
    with ray_workers(BuildEncoder(load, encoding), execution) as workers:
        yield OnRay(workers, rows, tell)

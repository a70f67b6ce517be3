"""Shards of texts to vectors by sentence-transformers' pool: one process on each device, the same batches."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from experiments.engines.encoders import Encoding, Load, Tell, TextsOf
from experiments.environ import environment
from experiments.errors import UserError
from experiments.execution import Execution
from experiments.ir import Scores
from experiments.models.device import resolve_device
from experiments.models.encoding import check_finite, token_lengths, unit
from experiments.slices import slices

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

log = logging.getLogger("experiments")
BATCHES_AT_ONCE = 256
"""Batches handed to the pool together: each comes back in shared memory and keeps one file open till all are there."""
RESTARTS = 3
"""How often a shard is begun anew because a process of the pool was lost."""


@dataclass
class Pool:
    """A model in several processes. devices: one for each, as torch names them."""

    model: SentenceTransformer
    encoding: Encoding
    tell: Tell
    devices: Sequence[str]
    _processes: dict[str, Any] = field(default_factory=dict)

    def lengths(self, texts: Sequence[str]) -> npt.NDArray[np.int64]:
        """As `token_lengths`, by this process."""
        return token_lengths(self.model, texts)

    def encode(self, shards: Sequence[int], texts_of: TextsOf) -> Iterator[tuple[int, Scores]]:
        """One shard after another; all processes work at the same one.

        Raises UserError for a shard at which processes were lost again and again.
        """
        return ((shard, self._shard(texts_of(shard))) for shard in shards)

    def start(self) -> None:
        """Start the processes, each with as many threads as this one has."""
        import torch

        with environment({"OMP_NUM_THREADS": str(torch.get_num_threads())}):
            self._processes = self.model.start_multi_process_pool(list(self.devices))

    def stop(self) -> None:
        """End them."""
        self.model.stop_multi_process_pool(self._processes)

    def _shard(self, texts: list[str]) -> Scores:
        for _ in range(1 + RESTARTS):
            try:
                return self._vectors(texts)
            except RuntimeError:
                if all(process.is_alive() for process in self._processes["processes"]):
                    raise
                log.warning("a process of the pool was lost: it is started again, and its shard is encoded anew")
                self.stop()
                self.start()
        raise UserError(
            f"{self.encoding.name}: processes of the pool were lost {1 + RESTARTS} times at one shard, which is what a "
            "full memory looks like: use fewer execution.devices, or a smaller execution.inference_batch_size"
        )

    def _vectors(self, texts: list[str]) -> Scores:
        vectors = np.empty((len(texts), self.model.get_embedding_dimension()), dtype=np.float32)
        for cut in slices(len(texts), BATCHES_AT_ONCE * self.encoding.batch):
            vectors[cut] = self._together(texts[cut])
            self.tell(cut.stop - cut.start)
        return vectors

    def _together(self, texts: list[str]) -> Scores:
        """A chunk of the library's is one of our batches, which a process encodes by one call."""
        encode = self.model.encode_query if self.encoding.role == "query" else self.model.encode_document
        batch = self.encoding.batch
        found = encode(texts, pool=self._processes, batch_size=batch, chunk_size=batch, show_progress_bar=False)
        vectors = np.asarray(found, dtype=np.float32)
        check_finite(vectors, texts, role=self.encoding.role, name=self.encoding.name)
        return unit(vectors) if self.encoding.normalize else vectors


@contextmanager
def pool(load: Load, encoding: Encoding, *, tell: Tell, execution: Execution) -> Iterator[Pool]:
    """A pool on `execution.devices`, ended with the block. Raises UserError for a device that is not here."""
    devices = pool_devices(execution)
    model = load(execution=execution.model_copy(update={"device": "cpu"}))  # from where the library shares it
    started = Pool(model, encoding, tell, devices)
    started.start()
    try:
        yield started
    finally:
        started.stop()


def pool_devices(execution: Execution) -> tuple[str, ...]:
    """Torch names of the pool's devices, all of the kind that the run is on, as its record says.

    Raises UserError for others, and where none is named and there is no GPU.
    """
    import torch

    kind = resolve_device(execution).partition(":")[0]
    if not execution.devices and kind == "cpu":
        raise UserError("execution.engine=pool without a GPU: name its processes, as in execution.devices=[cpu,cpu]")
    devices = execution.devices or tuple(f"cuda:{index}" for index in range(torch.cuda.device_count()))
    for device in devices:
        try:
            resolve_device(execution.model_copy(update={"device": device}))
        except UserError as error:
            raise UserError(f"execution.devices: {str(error).removeprefix('execution.')}") from error
        if device.partition(":")[0] != kind:
            raise UserError(f"execution.devices={list(devices)}: the run is on {kind}: add execution.device={device}")
    return devices

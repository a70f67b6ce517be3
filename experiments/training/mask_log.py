"""What a loss masked at every step, kept whole, so that it can be held against judgments that training never reads."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
from torch import Tensor

from experiments.training.batch import Batch, RowGroups

FILE = "masked.npz"


class MaskLog:
    """Rows and mask of every step, one bit a cell, compressed: 128 x 640 cells take about 2 KB."""

    def __init__(self) -> None:
        self.rows: list[npt.NDArray[np.int32]] = []
        self.bits: list[bytes] = []

    def add(self, rows: Tensor, masked: Tensor) -> None:
        """A step: its rows (B,) and what was masked, (B, C) bool."""
        self.rows.append(rows.cpu().numpy().astype(np.int32))
        self.bits.append(zlib.compress(np.packbits(masked.cpu().numpy()).tobytes(), level=1))

    def save(self, folder: Path) -> None:
        """Write FILE: rows (S, B) int32, bits (bytes of all steps), end (S,) int64, where each step's bytes end."""
        end = np.cumsum([len(part) for part in self.bits], dtype=np.int64)
        bits = np.frombuffer(b"".join(self.bits), dtype=np.uint8)
        np.savez(folder / FILE, rows=np.stack(self.rows), bits=bits, end=end)

    def load(self, folder: Path) -> None:
        """Take up what `save` wrote."""
        with np.load(folder / FILE) as stored:
            rows, bits, end = stored["rows"], stored["bits"].tobytes(), stored["end"]
        self.rows = list(rows)
        self.bits = [bits[begin:upto] for begin, upto in zip([0, *end[:-1]], end, strict=True)]


def read_log(folder: Path, groups: RowGroups, *, in_batch: bool) -> Iterator[tuple[Batch, npt.NDArray[np.bool_]]]:
    """Step after step of what `MaskLog.save` wrote: the batch, and what was masked, (B, C) bool."""
    import torch

    with np.load(folder / FILE) as stored:
        rows, bits, end = stored["rows"], stored["bits"].tobytes(), stored["end"]
    query, document = torch.as_tensor(groups.query), torch.as_tensor(groups.document)
    for step, upto in enumerate(end):
        index = torch.as_tensor(rows[step].astype(np.int64))
        batch = Batch(rows=index, query=query[index], document=document[index], in_batch=in_batch)
        packed = zlib.decompress(bits[int(end[step - 1]) if step else 0 : int(upto)])
        shape = tuple(batch.positive.shape)
        cells = np.unpackbits(np.frombuffer(packed, dtype=np.uint8), count=int(np.prod(shape)))
        yield batch, cells.astype(bool).reshape(shape)

"""Shards: how a corpus is cut, and what each of them gave, kept on the disk until the artifact is whole."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from experiments.files import write_file
from experiments.identity import digest
from experiments.slices import slices

BLOCK_NUMBERS = 1 << 24
"""Numbers held at once while parts are joined: 64 MiB of float32."""

Array = npt.NDArray[Any]


def cuts(total: int, rows: int) -> list[slice]:
    """`total` cut into slices of `rows`, the last one shorter; one empty slice for none."""
    return slices(total, rows) or [slice(0, 0)]


def whole_batches(rows: int, batch: int) -> int:
    """The rows of a shard that ends where a batch ends: at least one batch, else at most `rows`."""
    return max(1, rows // batch) * batch


@dataclass(frozen=True)
class Kept:
    """Arrays by name under `folder`, each written whole."""

    folder: Path

    def there(self, name: str) -> bool:
        """Whether it is kept."""
        return self._path(name).is_file()

    def put(self, name: str, array: Array) -> None:
        """Keep it. Raises StorageError."""
        write_file(self._path(name), lambda file: np.save(file, np.ascontiguousarray(array)))

    def get(self, name: str) -> Array:
        """The array, mapped from the disk."""
        found: Array = np.load(self._path(name), mmap_mode="r")
        return found

    def missing(self, shards: int) -> list[int]:
        """The numbers of those of so many shards that are not kept."""
        return [shard for shard in range(shards) if not self.there(name_of(shard))]

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.npy"


def name_of(shard: int) -> str:
    """What the array of a shard is kept under."""
    return f"{shard:06d}"


def kept_in(partial: Path, environment: Mapping[str, Any], **cut: int) -> Kept:
    """What was kept under the same cut in the same environment, since another one's numbers differ in the last bits."""
    return Kept(partial / digest({"environment": dict(environment), **cut}))


def join(parts: Iterable[tuple[npt.NDArray[np.intp], Array]], *, rows: int, out: Path) -> None:
    """Write the rows of all parts to one .npy file, each at its position.

    parts: ascending positions (p,) and arrays (p, d) float32, which together hold every position below `rows` once.
    One block of the file is held at a time, and parts are read in order.
    """
    parts = list(parts)
    width = parts[0][1].shape[1]
    block = np.empty((min(rows, max(1, BLOCK_NUMBERS // max(1, width))), width), dtype=np.float32)
    with out.open("wb") as file:
        header = {"descr": "<f4", "fortran_order": False, "shape": (rows, width)}
        np.lib.format.write_array_header_1_0(file, header)
        for cut in cuts(rows, max(1, len(block))):
            for positions, array in parts:
                first, last = np.searchsorted(positions, [cut.start, cut.stop])
                block[positions[first:last] - cut.start] = array[first:last]
            block[: cut.stop - cut.start].tofile(file)

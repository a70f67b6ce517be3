"""The vectors of a corpus, shard after shard, as one file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from experiments.engines.encoders import Encoders
from experiments.engines.shards import Kept, cuts, join, name_of
from experiments.models.encoding import longest_first

LENGTHS = "lengths"


def write_vectors(encoders: Encoders, texts: Sequence[str], *, rows: int, kept: Kept, out: Path) -> None:
    """Write the vectors of `texts` to the .npy file `out`, (n, d) float32; shards that are kept are not encoded again.

    Texts are put in order of their lengths over the whole corpus, and a shard is a range of `rows` of that order, whole
    batches: so batches, and with them vectors, do not depend on `rows`. Raises UserError for a text whose vector is not
    finite.
    """
    order = longest_first(_lengths(encoders, texts, kept))
    shards = [order[cut] for cut in cuts(len(order), rows)]
    for shard, vectors in encoders.encode(kept.missing(len(shards)), lambda one: [texts[i] for i in shards[one]]):
        kept.put(name_of(shard), vectors[np.argsort(shards[shard])])
    join([(np.sort(at), kept.get(name_of(shard))) for shard, at in enumerate(shards)], rows=len(order), out=out)


def _lengths(encoders: Encoders, texts: Sequence[str], kept: Kept) -> npt.NDArray[np.int64]:
    if not kept.there(LENGTHS):
        kept.put(LENGTHS, encoders.lengths(texts))
    return kept.get(LENGTHS)

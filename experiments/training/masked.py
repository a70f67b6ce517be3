"""What a run's mask took out, held against all positive judgments, the hidden ones included."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from experiments.ir import NO_DOCUMENT, Collection, Negatives, normalise_text
from experiments.training.batch import RowGroups
from experiments.training.mask_log import FILE, read_log
from experiments.training.pairs import PairSet
from experiments.training.rows import row_documents, row_groups

COUNTS = ("maskable", "masked", "masked_positive", "masked_known_false", "known_false")
"""Fields of `TrainingFacts`, which says what they count."""


def mask_counts(folder: Path, collection: Collection, negatives: Negatives, *, in_batch: bool) -> dict[str, int]:
    """COUNTS over all steps of the log in `folder`; empty where there is none.

    Counted whenever a student is used, not when it is trained: its rows name it, and other judgments of them do not.
    """
    if not (folder / FILE).exists():
        return {}
    groups = row_groups(collection, negatives)
    queries = int(groups.query.max()) + 1
    shown = PairSet(groups.query, groups.document[:, 0], queries=queries)
    judged = PairSet(*judged_pairs(collection, negatives, groups), queries=queries)
    counts = dict.fromkeys(COUNTS, 0)
    for batch, masked in read_log(folder, groups, in_batch=in_batch):
        maskable = ~(batch.positive | batch.padding).numpy()
        positive = shown.among(batch).numpy()
        false = judged.among(batch).numpy() & ~positive & maskable
        step = (maskable, masked, masked & positive, masked & false, false)
        for name, cells in zip(COUNTS, step, strict=True):
            counts[name] += int(cells.sum())
    return counts


def judged_pairs(
    collection: Collection, negatives: Negatives, groups: RowGroups
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Positive judgments among the rows' queries and documents as numbers of `groups`: two aligned (P,) arrays.

    A judgment holds for every query and every document of the same normalised text.
    """
    train, passages = collection.splits["train"], collection.corpus.passages
    query = _numbers(train.queries.texts, train.qrels.query, like=negatives.query, numbered=groups.query)
    document = _numbers(passages, train.qrels.document, like=row_documents(negatives), numbered=groups.document)
    both = (query != NO_DOCUMENT) & (document != NO_DOCUMENT)
    return query[both], document[both]


def _numbers(
    texts: Sequence[str],
    positions: npt.NDArray[np.integer],
    *,
    like: npt.NDArray[np.integer],
    numbered: npt.NDArray[np.int64],
) -> npt.NDArray[np.int64]:
    """The number of each text at `positions`, or -1, where the texts at `like` have the numbers `numbered`."""
    known, first = np.unique(like, return_index=True)
    number: Mapping[str, int] = {
        normalise_text(texts[i]): int(n)
        for i, n in zip(known, numbered.ravel()[first], strict=True)
        if i != NO_DOCUMENT
    }
    asked, of_asked = np.unique(positions, return_inverse=True)
    found = np.asarray([number.get(normalise_text(texts[i]), NO_DOCUMENT) for i in asked], dtype=np.int64)
    return found[of_asked]

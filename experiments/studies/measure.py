"""Measures a collection and asks what this machine can, for `fitted`: sizes, token lengths, units for bf16."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from experiments.collections.load import load_own
from experiments.collections.splits import require_split
from experiments.command.build import Composed
from experiments.config import CarvedData, NoTraining, RunConfig, RunData
from experiments.identity import derive_seed
from experiments.ir import Collection
from experiments.miners.needs import check_needs
from experiments.models.device import has_bf16_units, is_cuda, resolve_device
from experiments.models.encoding import token_lengths
from experiments.studies.fitted import PASSAGE_TOKENS, Measured

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

SAMPLE = 1000
"""Queries and passages whose tokens are counted."""


@dataclass(frozen=True)
class Sampled:
    """A collection's numbers and a seeded sample of its texts with their tokens. measured: as `suited` reads it."""

    measured: Measured
    queries: tuple[str, ...]
    passages: tuple[str, ...]
    query_tokens: npt.NDArray[np.int64]
    passage_tokens: npt.NDArray[np.int64]

    def mean_query(self, length: int) -> float:
        """Mean tokens of queries that are cut at `length`."""
        return _mean(self.query_tokens, length)

    def mean_passage(self, length: int) -> float:
        """Mean tokens of passages that are cut at `length`."""
        return _mean(self.passage_tokens, length)


def sample(run: Composed, others: Sequence[RunConfig]) -> Sampled:
    """Load what a run trains on, and count the tokens of a sample with its student's tokenizer.

    others: every run that is to mine there. Raises UserError where one of them asks for what the data does not have.
    """
    execution = run.execution
    own = load_own(_with_wholes(run.config.data), execution=execution, cache=execution.store / "collections")
    for one in own.values():
        require_split(one, "train", "this study trains")
        for config in others:
            if not isinstance(config.train, NoTraining):
                check_needs(config.part(one.name), one)
    model = _student(run)
    passages = _draw([one.corpus.passages for one in own.values()])
    queries = _draw([split.queries.texts for one in own.values() for split in one.splits.values()])
    query_tokens, passage_tokens = token_lengths(model, queries), token_lengths(model, passages)
    device = resolve_device(execution)
    measured = Measured(
        documents=sum(len(one.corpus) for one in own.values()),
        splits=_counts(own),
        several=_several(own),
        query_tokens=_most(query_tokens),
        passage_tokens=_most(passage_tokens),
        passage_means={length: _mean(passage_tokens, length) for length in PASSAGE_TOKENS},
        carved=isinstance(run.config.data, CarvedData),
        grouped=any(one.corpus.parents for one in own.values()),
        bf16=has_bf16_units(device),
        cpu=not is_cuda(device),
    )
    return Sampled(measured, queries, passages, query_tokens, passage_tokens)


def _with_wholes(data: RunData) -> RunData:
    """What documents were cut from is read, too, which a folder in BEIR form leaves out unless it is grouped by."""
    grouped = isinstance(data, CarvedData) and data.group_by == "query"
    return data.model_copy(update={"group_by": "auto"}) if grouped else data


def _mean(tokens: npt.NDArray[np.int64], length: int) -> float:
    return float(np.minimum(tokens, length).mean()) if len(tokens) else 0.0


def _most(tokens: npt.NDArray[np.int64]) -> int:
    return int(np.percentile(tokens, 95)) if len(tokens) else 0


def _counts(own: Mapping[str, Collection]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for one in own.values():
        for name, split in one.splits.items():
            counts[name] = counts.get(name, 0) + len(split.queries)
    return counts


def _several(own: Mapping[str, Collection]) -> float:
    """Share of the training queries that have more than one relevant document."""
    trains = [one.splits["train"] for one in own.values() if "train" in one.splits]
    judged = [np.bincount(split.qrels.query, minlength=len(split.queries)) for split in trains]
    return float((np.concatenate(judged) > 1).mean()) if judged else 0.0


def _draw(texts: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """A seeded sample of all of them."""
    flat = [text for part in texts for text in part]
    order = np.random.default_rng(derive_seed(0, "lengths")).permutation(len(flat))[:SAMPLE]
    return tuple(flat[i] for i in sorted(order.tolist()))


def _student(run: Composed) -> SentenceTransformer:
    from experiments.command.others import untrained_student
    from experiments.models.student import build_student

    return build_student(untrained_student(run), execution=run.execution)

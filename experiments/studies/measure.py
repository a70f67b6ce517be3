"""Measures a collection and this machine for `fitted`: sizes, token lengths, and the rate at which texts are read."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from experiments.collections.load import load_own
from experiments.collections.splits import require_split
from experiments.command.build import Composed
from experiments.config import CarvedData, DenseTeacher, DistilledStudent, Training
from experiments.identity import derive_seed
from experiments.ir import Collection
from experiments.models.encoding import token_lengths
from experiments.studies.fitted import Measured, seconds, time_text, work

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

SAMPLE = 1000
"""Queries and passages whose tokens are counted."""
TIMED = 64
"""Passages that each model reads to be timed."""


@dataclass(frozen=True)
class Sampled:
    """A collection's numbers and a seeded sample of its texts with their tokens. measured: as `suited` reads it."""

    measured: Measured
    passages: tuple[str, ...]
    query_tokens: npt.NDArray[np.int64]
    passage_tokens: npt.NDArray[np.int64]
    model: SentenceTransformer = field(repr=False)

    def mean_lengths(self, query: int, passage: int) -> tuple[float, float]:
        """Mean tokens of queries and of passages that are cut at these lengths."""
        return float(np.minimum(self.query_tokens, query).mean()), float(
            np.minimum(self.passage_tokens, passage).mean()
        )


def sample(run: Composed) -> Sampled:
    """Load what a run trains on, and count the tokens of a sample with its student's tokenizer. Raises UserError."""
    execution = run.execution
    own = load_own(run.config.data, execution=execution, cache=execution.store / "collections")
    for one in own.values():
        require_split(one, "train", "this study trains")
    model = _student(run)
    passages = _draw([one.corpus.passages for one in own.values()])
    queries = _draw([split.queries.texts for one in own.values() for split in one.splits.values()])
    query_tokens, passage_tokens = token_lengths(model, queries), token_lengths(model, passages)
    splits = _counts(own)
    measured = Measured(
        documents=sum(len(one.corpus) for one in own.values()),
        splits=splits,
        several=_several(own),
        query_tokens=_most(query_tokens),
        passage_tokens=_most(passage_tokens),
        carved=isinstance(run.config.data, CarvedData),
    )
    return Sampled(measured, passages, query_tokens, passage_tokens, model)


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
    from experiments.command.others import base_student
    from experiments.models.encoder import load_encoder
    from experiments.models.student import build_student

    student = base_student(run, {})
    if isinstance(student, DistilledStudent):
        return load_encoder(student.base, execution=run.execution)
    return build_student(student, execution=run.execution)


def estimate(runs: Sequence[Composed], found: Sampled) -> str:
    """How long these runs take one after another, from reading TIMED passages with the teacher and the student."""
    trained = [run.config for run in runs if isinstance(run.config.train, Training)]
    if not trained:
        return ""
    config, train = trained[0], trained[0].train
    assert isinstance(train, Training)
    splits = found.measured.splits
    held_out = getattr(config.data, "heldout_queries", 0)
    done = work(
        documents=found.measured.documents,
        train=splits.get("train", 0),
        measured=held_out or splits.get("test", 0),
        lengths=found.mean_lengths(train.query_length, train.passage_length),
        examples=train.steps * train.batch_size,
        negatives=config.mining.num_negatives,
        trained_runs=len(trained),
        untrained=len(trained) < len(runs),
    )
    rate = _rate(found.model, found, train.passage_length)
    teacher = _teacher_rate(runs[0], found)
    total = time_text(seconds(done, teacher=teacher, student=rate))
    by = f"student {rate:,.0f} tokens a second" + (f", teacher {teacher:,.0f}" if teacher else "")
    timed = f"timed just now on {TIMED} passages: {by}"
    return f"time      {total} for {len(runs)} runs one after another, and some seconds a run to start ({timed})"


def _teacher_rate(run: Composed, found: Sampled) -> float | None:
    from experiments.models.encoder import load_encoder

    teacher = run.config.teacher
    if not isinstance(teacher, DenseTeacher):
        return None
    model = load_encoder(teacher, execution=run.execution, precision=teacher.precision)
    return _rate(model, found, int(model.get_max_seq_length() or 256))


def _rate(model: SentenceTransformer, found: Sampled, length: int) -> float:
    """Tokens a second, as cut at `length`, in batches of 32 after one that warms up."""
    texts = [found.passages[i % len(found.passages)] for i in range(TIMED)]
    tokens = np.minimum(found.passage_tokens, length)
    before, model.max_seq_length = model.max_seq_length, length
    model.encode(texts[:4], show_progress_bar=False)
    started = time.perf_counter()
    model.encode(texts, batch_size=32, show_progress_bar=False)
    spent = max(time.perf_counter() - started, 1e-6)
    model.max_seq_length = before
    return float(sum(tokens[i % len(tokens)] for i in range(TIMED)) / spent)

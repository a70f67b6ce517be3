"""What is searched: a real collection's vectors, and synthetic ones of any number."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from experiments.bench.encode import MINILM
from experiments.collections.load import load_collection
from experiments.config import BeirData
from experiments.execution import Execution
from experiments.ir import Collection, Corpus, Qrels, Queries, Scores, Split
from experiments.models.encoder import load_encoder
from experiments.models.encoding import encode_batch, encode_batches, unit
from experiments.stages.embed import embed
from experiments.store import Store

SEED = 0
SAMPLE = 512
"""Passages whose encoding is timed."""
WORDS = 10
"""Of a synthetic passage."""
CENTRES, SPREAD = 2000, 0.8
"""Synthetic vectors lie around so many random centres, with noise of that length about each (the centre's is 1)."""


@dataclass(frozen=True)
class Vectors:
    """Unit vectors: queries (Q, d), documents (N, d). rate: documents a core encodes in a second, if any."""

    what: str
    queries: Scores
    documents: Scores
    rate: float | None


def real(name: str, store: Path, *, queries: int) -> Vectors:
    """A collection of BEIR_HOME by all-MiniLM-L6-v2, and `queries` of its train queries at most. Raises UserError."""
    home = os.environ.get("BEIR_HOME")
    execution = Execution(store=store, beir_home=Path(home) if home else None)
    found = load_collection(BeirData(name=name), execution=execution, cache=store / "collections")
    kept = Store(store)
    documents, _ = embed(found.corpus.passages, encoder=MINILM, role="document", store=kept, execution=execution)
    asked = found.splits["train"].queries.texts
    by_query, _ = embed(asked, encoder=MINILM, role="query", store=kept, execution=execution)
    some = np.sort(np.random.default_rng(SEED).permutation(len(asked))[:queries])
    rate = encoding_rate(found.corpus.passages, execution)
    return Vectors(f"{name} by all-MiniLM-L6-v2", by_query[some], documents, rate)


def encoding_rate(passages: Sequence[str], execution: Execution) -> float:
    """Passages a core encodes in a second, of a sample of them."""
    drawn = np.random.default_rng(SEED).choice(len(passages), size=min(SAMPLE, len(passages)), replace=False)
    model = load_encoder(MINILM, execution=execution, precision=MINILM.precision)
    sample = [passages[i] for i in drawn]
    encode_batch(model, sample[:32], role="document", name=MINILM.name)  # the first batch sets things up
    started = time.process_time()
    for _ in encode_batches(model, sample, role="document", batch_size=32, name=MINILM.name):
        pass
    return round(len(sample) / (time.process_time() - started), 1)


def synthetic(documents: int, *, dimension: int, queries: int) -> Vectors:
    """Documents and queries around the same random centres."""
    draw = np.random.default_rng(SEED)
    centres = unit(draw.standard_normal((CENTRES, dimension), dtype=np.float32))

    def around(count: int) -> Scores:
        noise = draw.standard_normal((count, dimension), dtype=np.float32) * np.float32(SPREAD / dimension**0.5)
        return unit(centres[draw.integers(0, CENTRES, count)] + noise)

    return Vectors(f"synthetic, around {CENTRES:,} centres", around(queries), around(documents), None)


def synthetic_collection(documents: int, *, queries: int) -> Collection:
    """Passages of random words; query i has half of the words of passage i."""
    draw = np.random.default_rng(SEED)
    words = np.array(["".join(draw.choice(list("abcdefghijklmnopqrstuvwxyz"), 5)) for _ in range(5000)], dtype=object)
    texts = tuple(" ".join(row) for row in words[draw.integers(0, len(words), (documents, WORDS))])
    asked = tuple(" ".join(text.split()[::2]) for text in texts[:queries])
    pairs = np.arange(queries)
    train = Split(
        queries=Queries(ids=tuple(f"q{i}" for i in range(queries)), texts=asked),
        qrels=Qrels.build(query=pairs, document=pairs, grade=np.ones(queries)),
    )
    corpus = Corpus(ids=tuple(f"d{i}" for i in range(documents)), titles=("",) * documents, texts=texts)
    return Collection("synthetic", corpus, {"train": train}, np.ones(documents, dtype=bool), {})

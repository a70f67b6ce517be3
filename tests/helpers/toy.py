"""A collection and training rows in memory: what training and evaluation need, without files or a miner."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from experiments.config import (
    BeirData,
    EvaluationConfig,
    InfoNCE,
    MiningConfig,
    NaiveTopK,
    RandomTeacher,
    RunConfig,
    TinyStudent,
)
from experiments.execution import Execution
from experiments.ir import NO_TEACHER, Collection, Corpus, Negatives, Qrels, Queries, Split

WORDS = [f"{a}{b}" for a in ("ra", "lo", "mi", "ne", "su") for b in ("ver", "tan", "gel", "pin", "dor", "kas")]


def toy_collection(*, documents: int = 60, queries: int = 24, positives: int = 1, seed: int = 0) -> Collection:
    """Query i of each split asks for document i; `positives` further documents are judged relevant as well."""
    draw = random.Random(seed)
    texts = [" ".join(draw.choices(WORDS, k=draw.randint(6, 20))) + f" item {i}" for i in range(documents)]
    corpus = Corpus(ids=tuple(f"d{i}" for i in range(documents)), titles=("",) * documents, texts=tuple(texts))
    splits = {name: _split(name, texts, queries, positives, draw) for name in ("train", "dev", "test")}
    return Collection(name="toy", corpus=corpus, splits=splits, minable=np.ones(documents, dtype=bool), report={})


def _split(name: str, texts: list[str], queries: int, positives: int, draw: random.Random) -> Split:
    asked = tuple(f"{name} {' '.join(draw.sample(texts[i].split(), 3))}" for i in range(queries))
    pairs = [(i, (i + 7 * j) % len(texts)) for i in range(queries) for j in range(positives)]
    query, document = zip(*pairs, strict=True)
    return Split(
        queries=Queries(ids=tuple(f"{name}{i}" for i in range(queries)), texts=asked),
        qrels=Qrels.build(query=query, document=document, grade=[1] * len(pairs)),
    )


def toy_negatives(collection: Collection, *, rows: int = 24, per_row: int = 2, seed: int = 0) -> Negatives:
    """Row i is (query i, document i) with random documents that are neither."""
    draw = np.random.default_rng(seed)
    document = np.stack(
        [draw.permutation(np.delete(np.arange(len(collection.corpus)), i))[:per_row] for i in range(rows)]
    ).astype(np.int32)
    nothing = np.full(document.shape, np.nan, dtype=np.float32)
    index = np.arange(rows, dtype=np.int32)
    return Negatives(
        query=index,
        positive=index,
        document=document,
        teacher=np.full(document.shape, NO_TEACHER, dtype=np.int8),
        rank=np.zeros_like(document),
        score=nothing,
        anchor_score=nothing,
        bar=nothing,
        probability=nothing,
        positive_score=nothing,
        known_false=np.zeros(document.shape, dtype=bool),
    )


def toy_execution(root: Path) -> Execution:
    """On the processor, one thread, no bars."""
    return Execution(device="cpu", threads=1, progress=False, store=root / "store", output=root / "out")


def toy_config(*, train: Any = None, **changes: Any) -> RunConfig:
    """A run of the tiny student on the toy collection."""
    values: dict[str, Any] = {
        "data": BeirData(name="toy"),
        "teacher": RandomTeacher(),
        "miner": NaiveTopK(),
        "mining": MiningConfig(num_negatives=2),
        "student": TinyStudent(),
        "train": train or InfoNCE(steps=6, batch_size=8, learning_rate=1e-3, query_length=12, passage_length=16),
        "evaluation": EvaluationConfig(),
    }
    return RunConfig(**{**values, **changes})


def scored(negatives: Negatives, *, seed: int = 0) -> Negatives:
    """The same rows with a score for every negative and a higher one for its positive, all of one teacher."""
    draw = np.random.default_rng(seed)
    score = draw.uniform(0.1, 0.5, negatives.document.shape).astype(np.float32)
    positive = np.repeat(draw.uniform(0.5, 0.9, (len(negatives), 1)), score.shape[1], axis=1).astype(np.float32)
    return replace(negatives, teacher=np.zeros_like(negatives.teacher), score=score, positive_score=positive)

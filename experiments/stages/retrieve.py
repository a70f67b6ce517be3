"""Stage: a teacher's candidates for the training pool, once per (teacher, collection, depth)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from experiments.config import Bm25Teacher, DenseTeacher, RandomTeacher, TeacherConfig
from experiments.errors import UserError
from experiments.execution import Execution
from experiments.identity import identity_payload
from experiments.ir import Candidates, Collection, Qrels, hash_texts
from experiments.models.device import resolve_device
from experiments.store import Artifact, Store
from experiments.teachers.bm25 import bm25_rows
from experiments.teachers.dense import Embed, rank_dense
from experiments.teachers.random import random_rows
from experiments.teachers.ranking import Ranking, ScoreRows, rank_rows, to_candidates
from experiments.versions import RETRIEVE

FILE = "candidates.npz"
FIELDS = ("document", "score", "positive_score", "positive_rank")


def retrieve(
    collection: Collection,
    *,
    teacher: TeacherConfig,
    depth: int,
    store: Store,
    execution: Execution,
    embed: Embed,
) -> tuple[Candidates, list[Artifact]]:
    """The best `depth` minable documents for every query of the train split, and every judged pair's score and rank.

    Returns also the artifacts: embeddings that were used, then its own. Raises UserError without a train split.
    """
    if "train" not in collection.splits:
        raise UserError(f"collection {collection.name} has no train split, so there is nothing to mine for")
    identity, rank, used = _ranker(collection, teacher, depth, store=store, execution=execution, embed=embed)
    qrels = collection.splits["train"].qrels

    def make(folder: Path) -> None:
        found = to_candidates(rank(), qrels=qrels, depth=depth)
        np.savez(folder / FILE, **{field: getattr(found, field) for field in FIELDS})

    artifact = store.get_or_make(RETRIEVE.name, _payload(collection, qrels, identity, depth), make)
    return _read(artifact.path), [*used, artifact]


def _payload(collection: Collection, qrels: Qrels, identity: dict[str, Any], depth: int) -> dict[str, Any]:
    return {
        **RETRIEVE.payload,
        "teacher": identity,
        "depth": depth,
        "minable": hashlib.sha256(np.packbits(collection.minable).tobytes()).hexdigest(),
        "qrels": qrels.content_hash,
    }


def _ranker(
    collection: Collection, teacher: TeacherConfig, depth: int, *, store: Store, execution: Execution, embed: Embed
) -> tuple[dict[str, Any], Callable[[], Ranking], list[Artifact]]:
    """What names the teacher's scores here, the search itself (not run yet), and the artifacts it reads."""
    if isinstance(teacher, DenseTeacher):
        return _dense(collection, teacher, depth, store=store, execution=execution, embed=embed)
    queries = collection.splits["train"].queries.texts
    identity = {
        "config": identity_payload(teacher),
        "queries": hash_texts(queries),
        "passages": hash_texts(collection.corpus.passages),
    }
    return identity, lambda: _by_rows(collection, teacher, depth), []


def _dense(
    collection: Collection, teacher: DenseTeacher, depth: int, *, store: Store, execution: Execution, embed: Embed
) -> tuple[dict[str, Any], Callable[[], Ranking], list[Artifact]]:
    train = collection.splits["train"]
    documents, of_documents = embed(
        collection.corpus.passages, encoder=teacher, role="document", store=store, execution=execution
    )
    queries, of_queries = embed(train.queries.texts, encoder=teacher, role="query", store=store, execution=execution)

    def rank() -> Ranking:
        device = resolve_device(execution)
        return rank_dense(queries, documents, collection=collection, qrels=train.qrels, depth=depth, device=device)

    identity = {"kind": "dense", "documents": of_documents.key, "queries": of_queries.key}
    return identity, rank, [of_documents, of_queries]


def _by_rows(collection: Collection, teacher: Bm25Teacher | RandomTeacher, depth: int) -> Ranking:
    train = collection.splits["train"]
    queries, passages = train.queries.texts, collection.corpus.passages
    rows: ScoreRows
    if isinstance(teacher, Bm25Teacher):
        rows = bm25_rows(teacher, queries=queries, passages=passages)
    else:
        rows = random_rows(teacher, queries=queries, documents=len(passages))
    return rank_rows(rows, collection=collection, queries=len(queries), qrels=train.qrels, depth=depth)


def _read(folder: Path) -> Candidates:
    with np.load(folder / FILE) as stored:
        return Candidates(**{field: stored[field] for field in FIELDS})

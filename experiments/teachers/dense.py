"""A bi-encoder as teacher: what names its embeddings, how vectors rank documents."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from experiments.config import DenseTeacher, VectorTeacher
from experiments.engines.shards import Kept, kept_in
from experiments.execution import Execution
from experiments.ir import Scores, hash_texts
from experiments.models.encoder import weights_identity
from experiments.models.encoding import Role
from experiments.teachers.pairs import score_pairs
from experiments.teachers.ranking import Ranking
from experiments.teachers.sharded import search_shards, shard_rows
from experiments.teachers.teacher import Prepared, Question, Tools
from experiments.versions import EMBED


def prepare(teacher: VectorTeacher, question: Question, tools: Tools) -> Prepared:
    """Embeds corpus and queries where they are not yet, and ranks by inner product."""
    embed = functools.partial(tools.embed, encoder=teacher, store=tools.store, execution=tools.execution)
    documents, of_documents = embed(question.collection.corpus.passages, role="document")
    queries, of_queries = embed(question.queries, role="query")

    def rank(keep: Path) -> Ranking:
        kept = functools.partial(kept_in, keep, tools.store.environment)
        return rank_dense(queries, documents, question=question, execution=tools.execution, kept=kept)

    identity = {"kind": "dense", "documents": of_documents.key, "queries": of_queries.key}
    return Prepared(identity=identity, inputs=(of_documents, of_queries), rank=rank)


def embedding_payload(
    texts: Sequence[str], *, encoder: DenseTeacher, role: Role, execution: Execution
) -> dict[str, Any]:
    """All that can change an embedding: in bf16 the batch too, but never device, workers or `inference_batch_size`."""
    return {
        **EMBED.payload,
        "weights": weights_identity(encoder, execution=execution),
        "layers": encoder.layers,
        "pooling": encoder.pooling,
        "normalize": encoder.normalize,
        "max_length": encoder.max_length,
        "precision": encoder.precision,
        "role": role,
        "prompt": encoder.query_prompt if role == "query" else encoder.document_prompt,
        "texts": hash_texts(texts),
        **({"encode_batch": encoder.encode_batch} if encoder.precision == "bf16" else {}),
        **({"trust_remote_code": True} if encoder.trust_remote_code else {}),
    }


def rank_dense(
    queries: Scores, documents: Scores, *, question: Question, execution: Execution, kept: Callable[..., Kept]
) -> Ranking:
    """Rank the minable documents of (N, d) for each of (Q, d), and score the judged pairs.

    kept: what a search that was stopped has kept, given the documents of a shard (`rows`).
    """
    minable = np.nonzero(question.collection.minable)[0].astype(np.int32)
    rows = shard_rows(execution, documents.shape[1])
    k, under = min(question.depth, len(minable)), kept(rows=rows)
    document, score = search_shards(queries, documents, minable, k, rows=rows, execution=execution, kept=under)
    qrels = question.qrels
    return Ranking(
        document=document,
        score=score,
        positive_score=score_pairs(queries, documents, qrels.query, qrels.document),
    )

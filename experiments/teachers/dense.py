"""A bi-encoder as teacher: what names its embeddings, how texts become vectors, how vectors rank documents."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from experiments.config import DenseTeacher, VectorTeacher
from experiments.execution import Execution
from experiments.files import reserve
from experiments.ir import Collection, Qrels, Scores, hash_texts
from experiments.models.device import inference_batch, resolve_device
from experiments.models.encoder import weights_identity
from experiments.models.encoding import Role, encode_batches
from experiments.teachers.pairs import score_pairs
from experiments.teachers.ranking import Ranking
from experiments.teachers.search import search_inner_product
from experiments.teachers.teacher import Prepared, Question, Tools
from experiments.versions import EMBED

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


def prepare(teacher: VectorTeacher, question: Question, tools: Tools) -> Prepared:
    """Embeds corpus and queries where they are not yet, and ranks by inner product."""
    embed = functools.partial(tools.embed, encoder=teacher, store=tools.store, execution=tools.execution)
    documents, of_documents = embed(question.collection.corpus.passages, role="document")
    queries, of_queries = embed(question.queries, role="query")

    def rank() -> Ranking:
        return rank_dense(
            queries,
            documents,
            collection=question.collection,
            qrels=question.qrels,
            depth=question.depth,
            device=resolve_device(tools.execution),
        )

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


def encode(
    model: SentenceTransformer,
    texts: Sequence[str],
    *,
    encoder: VectorTeacher,
    normalize: bool,
    role: Role,
    execution: Execution,
    out: Path,
) -> None:
    """Write the vectors of `texts` to the .npy file `out`, (n, d) float32.

    normalize: whether the model gives unit vectors; they are normalised anew in float32, since a model in bf16 gives
    them three digits. Raises UserError for a text whose vector is not finite.
    """
    from tqdm import tqdm

    batch = encoder.encode_batch if encoder.precision == "bf16" else inference_batch(execution)
    vectors = np.lib.format.open_memmap(
        out, mode="w+", dtype=np.float32, shape=(len(texts), model.get_embedding_dimension())
    )
    reserve(out)
    label = f"{encoder.name} encodes {role} texts"
    with tqdm(total=len(texts), desc=label, unit="text", disable=not execution.progress) as bar:
        for positions, part in encode_batches(model, texts, role=role, batch_size=batch, name=encoder.name):
            vectors[positions] = unit(part) if normalize else part
            bar.update(len(positions))
    vectors.flush()


def unit(vectors: Scores) -> Scores:
    """Rows of length 1; a zero row stays zero."""
    lengths: Scores = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.divide(vectors, np.maximum(lengths, np.float32(1e-12)))


def rank_dense(
    queries: Scores, documents: Scores, *, collection: Collection, qrels: Qrels, depth: int, device: str
) -> Ranking:
    """Rank the minable documents of (N, d) for each of (Q, d), and score the judged pairs."""
    minable = np.nonzero(collection.minable)[0].astype(np.int32)
    pool = documents if len(minable) == len(documents) else documents[minable]
    document, score = search_inner_product(queries, pool, min(depth, len(minable)), device=device)
    return Ranking(
        document=minable[document],
        score=score,
        positive_score=score_pairs(queries, documents, qrels.query, qrels.document),
    )

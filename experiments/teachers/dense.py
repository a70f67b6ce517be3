"""A bi-encoder as teacher: what names its embeddings, how texts become vectors, how vectors rank documents."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np

from experiments.config import DenseTeacher
from experiments.execution import Execution
from experiments.files import reserve
from experiments.ir import Collection, Qrels, Scores, hash_texts
from experiments.models.encoder import weights_identity
from experiments.store import Artifact, Store
from experiments.teachers.pairs import score_pairs
from experiments.teachers.ranking import Ranking
from experiments.teachers.search import search_inner_product
from experiments.versions import EMBED

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

Role = Literal["query", "document"]
CHUNK_BATCHES = 16
"""Batches between two steps of the progress bar."""


class Embed(Protocol):
    """`experiments.stages.embed.embed`, handed to the stages that need vectors."""

    def __call__(
        self, texts: Sequence[str], *, encoder: DenseTeacher, role: Role, store: Store, execution: Execution
    ) -> tuple[Scores, Artifact]:
        """(n, d) float32 vectors of `texts`, and the artifact that holds them."""
        ...


def embedding_payload(
    texts: Sequence[str], *, encoder: DenseTeacher, role: Role, execution: Execution
) -> dict[str, Any]:
    """All that can change an embedding; neither batch size nor device nor workers."""
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
    }


def encode(
    model: SentenceTransformer,
    texts: Sequence[str],
    *,
    role: Role,
    normalize: bool,
    batch_size: int,
    out: Path,
    label: str | None = None,
) -> None:
    """Write the vectors of `texts` to the .npy file `out`, (n, d) float32, long texts first; `label` shows a bar.

    Unit vectors are normalised anew in float32, since a model in bf16 gives them three digits.
    """
    from tqdm import tqdm

    vectors = np.lib.format.open_memmap(
        out, mode="w+", dtype=np.float32, shape=(len(texts), model.get_embedding_dimension())
    )
    reserve(out)
    order = np.argsort([-len(text) for text in texts], kind="stable")
    step = batch_size * CHUNK_BATCHES
    encode_texts = model.encode_query if role == "query" else model.encode_document
    with tqdm(total=len(texts), desc=label, unit="text", disable=label is None) as bar:
        for start in range(0, len(texts), step):
            chunk = order[start : start + step]
            part = encode_texts([texts[i] for i in chunk], batch_size=batch_size, show_progress_bar=False)
            vectors[chunk] = unit(part.astype(np.float32)) if normalize else part
            bar.update(len(chunk))
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

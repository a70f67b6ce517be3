"""How a student is fine-tuned, and where it is measured."""

from __future__ import annotations

import math
from collections import Counter
from typing import Annotated, Literal

from pydantic import Field, model_validator

from experiments.config.value import Count, Fraction, Precision, Value


class NoTraining(Value):
    """Evaluate the student as it is."""

    kind: Literal["none"] = "none"


class InfoNCE(Value):
    """InfoNCE over the positive, the row's own negatives and (in_batch) the other rows' documents.

    steps: optimizer steps of one full batch each. warmup: share of steps, rounded up; its first step has rate 0.
    learning_rate: at most 1, since AdamW moves a weight by about the rate in one step and weights are smaller than 1.
    temperature: at least 0.001, since a bf16 cosine is off by about as much, which a smaller one blows up to a whole
    logit. *_length: tokens, prompt included. dropout: None = as the model's files say.

    0 and -0.0 are two values, and so two runs.
    """

    kind: Literal["infonce"] = "infonce"
    steps: Count = 60
    batch_size: Annotated[int, Field(ge=2)] = 16
    learning_rate: Annotated[float, Field(gt=0.0, le=1.0)] = 1e-4
    warmup: Fraction = 0.1
    weight_decay: Annotated[float, Field(ge=0.0)] = 0.0
    max_grad_norm: Annotated[float, Field(gt=0.0)] = 1.0
    temperature: Annotated[float, Field(ge=1e-3)] = 0.05
    query_length: Count = 64
    passage_length: Count = 64
    dropout: Annotated[float, Field(ge=0.0, lt=1.0)] | None = None
    freeze_token_embeddings: bool = False
    in_batch: bool = True
    attention: Literal["eager", "sdpa", "flash_attention_2"] = "sdpa"
    precision: Precision = "fp32"

    @model_validator(mode="after")
    def _something_is_learned(self) -> InfoNCE:
        if self.learning_steps < 1:
            raise ValueError(
                f"steps={self.steps} with warmup={self.warmup} trains nothing, because the first step of a "
                "warm-up has rate 0: use train.steps=2 or more, or train.warmup=0"
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


TrainConfig = Annotated[NoTraining | InfoNCE, Field(discriminator="kind")]


class EvaluationConfig(Value):
    """Where the student is measured.

    collections: names; empty = the training collection. The training collection's own name means its own splits
        (`splits`); any other is "docstrings" with its defaults or a BEIR folder's test split.
    splits: which splits of the training collection ("test", "dev", "heldout").
    tasks: names of mteb's built-in tasks (they need a hub).
    query_length, passage_length: tokens, prompt included; None = the model's own limit, however it was trained.
    """

    collections: tuple[str, ...] = ()
    splits: tuple[Literal["test", "dev", "heldout"], ...] = ("test",)
    tasks: tuple[str, ...] = ()
    query_length: Count | None = None
    passage_length: Count | None = None
    precision: Precision = "fp32"

    @model_validator(mode="after")
    def _each_once(self) -> EvaluationConfig:
        for field in ("collections", "splits", "tasks"):
            names: tuple[str, ...] = getattr(self, field)
            if twice := sorted(name for name, count in Counter(names).items() if count > 1):
                raise ValueError(f"{field} names {', '.join(twice)} more than once: name it once")
        return self

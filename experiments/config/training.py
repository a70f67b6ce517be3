"""How a student is fine-tuned, and where it is measured."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from experiments.config.value import Count, Fraction, Precision, Value


class NoTraining(Value):
    """Evaluate the student as it is."""

    kind: Literal["none"] = "none"


class InfoNCE(Value):
    """InfoNCE over the positive, the row's own negatives and (in_batch) the other rows' documents.

    steps: optimizer steps of one full batch each. warmup: share of steps. *_length: tokens, prompt included.
    dropout: None = as the model's files say.
    """

    kind: Literal["infonce"] = "infonce"
    steps: Count = 60
    batch_size: Annotated[int, Field(ge=2)] = 16
    learning_rate: Annotated[float, Field(gt=0.0)] = 1e-4
    warmup: Fraction = 0.1
    weight_decay: Annotated[float, Field(ge=0.0)] = 0.0
    max_grad_norm: Annotated[float, Field(gt=0.0)] = 1.0
    temperature: Annotated[float, Field(gt=0.0)] = 0.05
    query_length: Count = 64
    passage_length: Count = 64
    dropout: Fraction | None = None
    freeze_token_embeddings: bool = False
    in_batch: bool = True
    attention: Literal["eager", "sdpa", "flash_attention_2"] = "sdpa"
    precision: Precision = "fp32"


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

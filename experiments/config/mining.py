"""How negatives are mined: the method and its own parameter, and what all methods share."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from experiments.config.models import TeacherConfig
from experiments.config.value import Count, Fraction, Size, Value


class NaiveTopK(Value):
    """The k candidates most similar to the query, positives ignored."""

    kind: Literal["naive_topk"] = "naive_topk"


class TopKShifted(Value):
    """Top-k after the first N ranks."""

    kind: Literal["topk_shifted"] = "topk_shifted"
    shift: Size = 10


class TopKAbs(Value):
    """Candidates strictly below an absolute score."""

    kind: Literal["topk_abs"] = "topk_abs"
    threshold: Annotated[float, Field(ge=-1e6, le=1e6)] = 0.7


class TopKMarginPos(Value):
    """Candidates strictly below positive score - threshold."""

    kind: Literal["topk_marginpos"] = "topk_marginpos"
    threshold: Annotated[float, Field(ge=0.0)] = 0.05


class TopKPercPos(Value):
    """Candidates strictly below positive score x threshold."""

    kind: Literal["topk_percpos"] = "topk_percpos"
    threshold: Annotated[float, Field(ge=0.0, le=2.0)] = 0.95


class RandomMiner(Value):
    """Uniform documents outside the exclusions; nothing is ranked."""

    kind: Literal["random"] = "random"


MinerConfig = Annotated[
    NaiveTopK | TopKShifted | TopKAbs | TopKMarginPos | TopKPercPos | RandomMiner, Field(discriminator="kind")
]


class CommonWith(Value):
    """One more miner whose kept rows a run is restricted to, under the run's own data, mining and seed.

    reveal: the share of hidden positives that miner knew; None = the run's own. With it, an arm that knows them all can
    train on the very rows of one that knows none.
    """

    teacher: TeacherConfig
    miner: MinerConfig
    reveal: Annotated[Fraction | None, Field(json_schema_extra={"neutral": None})] = None


class MiningConfig(Value):
    """What all methods share (experiments/README.md, Mining, says in which order each is applied)."""

    num_negatives: Count = 4
    depth: Count = 100
    anchor: Literal["own", "min", "max"] = "own"
    selection: Literal["top", "sampled", "top1_sampled"] = "top"
    sample_from: Count = 10
    shortfall: Literal["drop", "fewer", "backfill"] = "drop"
    positive_within: Count | None = None
    reveal: Fraction = 0.0
    common_with: tuple[CommonWith, ...] = ()

    @model_validator(mode="after")
    def _sample_fits(self) -> MiningConfig:
        if self.selection != "top" and self.sample_from < self.num_negatives:
            raise ValueError(
                f"sample_from={self.sample_from} is fewer than num_negatives={self.num_negatives}: raise sample_from"
            )
        return self

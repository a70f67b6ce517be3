"""Mining methods, each with its own parameter."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from experiments.config.value import Size, Value


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


class TopKQuantile(Value):
    """Candidates strictly below positive score + the gap at a quantile of this run's gaps (candidate less positive).

    The share that is rejected is thereby fixed (1 - quantile, ties at the bar included), whatever the teacher's scores.
    """

    kind: Literal["topk_quantile"] = "topk_quantile"
    quantile: Annotated[float, Field(gt=0.0, le=1.0)] = 0.9


class TopKCalibrated(Value):
    """Candidates whose estimated probability of being a hidden positive is below `target`.

    The estimate is learned from hidden positives of the training queries: an arm with extra information. `target`
    bounds each estimate, not the rate of false negatives.
    """

    kind: Literal["topk_calibrated"] = "topk_calibrated"
    target: Annotated[float, Field(gt=0.0, le=1.0)] = 0.1


class RandomMiner(Value):
    """Uniform documents outside the exclusions; nothing is ranked."""

    kind: Literal["random"] = "random"


class GivenNegatives(Value):
    """The negatives that the data itself has for a query (data=pairs), the first of them; nothing is ranked."""

    kind: Literal["given"] = "given"


MinerConfig = Annotated[
    NaiveTopK
    | TopKShifted
    | TopKAbs
    | TopKMarginPos
    | TopKPercPos
    | TopKQuantile
    | TopKCalibrated
    | RandomMiner
    | GivenNegatives,
    Field(discriminator="kind"),
]


Barred = TopKAbs | TopKMarginPos | TopKPercPos | TopKQuantile | TopKCalibrated
"""Methods that reject candidates by their scores."""

Unranked = RandomMiner | GivenNegatives
"""Methods that read no teacher's ranking."""

"""What a search declares: a space, the paper's settings, how trials are suggested and stopped, what they are judged by.

One schema, read from conf/search/ when a search starts and from search.json when its page is made.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    model_validator,
)

from experiments.records.schema import MEASURES
from experiments.studies.consistency import NAME
from experiments.studies.declaration import Seeds

Scalar = bool | int | float | str | None
"""What a config key may be set to."""
Settings = Mapping[str, Scalar]
"""Key -> value, groups among them."""

RATE, SECONDS = "known false rate", "training seconds"
OBJECTIVES = (*(f"dev {measure}" for measure in MEASURES), RATE, SECONDS)
"""What a trial may be judged by; all but the measures are better when lower."""
NOT_VARIED = ("seed", "until", "data.split_seed", "evaluation.splits", "evaluation.collections", "evaluation.tasks")
"""Keys that no space may hold: a seed or another set of queries would win by luck."""


class _Declared(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


When = dict[str, tuple[Scalar, ...]]
"""Key of another parameter -> the values at which this one applies."""


def _listed(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    return {key: item if isinstance(item, (list, tuple)) else [item] for key, item in value.items()}


class Range(_Declared):
    """Numbers from low to high: whole ones where both are; by `step`, or on a logarithmic scale."""

    low: int | float
    high: int | float
    step: Annotated[int | float | None, Field(gt=0)] = None
    log: bool = False
    when: Annotated[When, BeforeValidator(_listed)] = {}

    @property
    def whole(self) -> bool:
        """Whether it holds whole numbers only."""
        return all(isinstance(value, int) for value in (self.low, self.high, self.step or 0))

    @model_validator(mode="after")
    def _fits_together(self) -> Range:
        if self.low >= self.high:
            raise ValueError(f"low {self.low} should be below high {self.high}")
        if self.log and self.step is not None:
            raise ValueError("a logarithmic range has no step: leave out step, or log")
        if self.log and self.low <= 0:
            raise ValueError(f"a logarithmic range begins above 0, not at {self.low}")
        return self


class Choices(_Declared):
    """One of several values, or of the choices of a config group."""

    choices: Annotated[tuple[Scalar, ...], Field(min_length=1)]
    when: Annotated[When, BeforeValidator(_listed)] = {}

    @model_validator(mode="after")
    def _fits_together(self) -> Choices:
        if len(set(map(repr, self.choices))) < len(self.choices):
            raise ValueError("a choice is given twice: give it once")
        return self


def _parameter(value: Any) -> Any:
    """A list is short for choices; several ranges of one key, each with its condition, stand in a list of mappings."""
    if not isinstance(value, (list, tuple)):
        return [value]
    mappings = [isinstance(item, (Mapping, BaseModel)) for item in value]
    return value if all(mappings) and value else [{"choices": value}]


def _kind(value: Any) -> str:
    found = isinstance(value, Choices) or (isinstance(value, Mapping) and "choices" in value)
    return "choices" if found else "range"


Values = Annotated[Annotated[Range, Tag("range")] | Annotated[Choices, Tag("choices")], Discriminator(_kind)]
Parameters = Annotated[tuple[Values, ...], BeforeValidator(_parameter), Field(min_length=1)]


def _objective(value: str) -> str:
    if value.startswith("test") or value.endswith("test"):
        raise ValueError("a search is decided on dev queries only: name a dev measure such as 'dev nDCG@10'")
    if value not in OBJECTIVES:
        raise ValueError(f"should be one of {', '.join(OBJECTIVES)}")
    return value


Objective = Annotated[str, AfterValidator(_objective)]


def _file_name(value: str) -> str:
    if not NAME.fullmatch(value):
        raise ValueError("should be letters, digits, _, -, + and ., since a folder is named by it")
    return value


class Search(_Declared):
    """A search over settings.

    space: key -> what it may be. paper: named settings that are tried first; the first one is what the winner is
    compared with. trials: how many there are at most, over all workers. seed: of the suggestions (a trial's own is
    `seed`). objectives: what trials are judged by; the first one picks the winner among several that no other beats.
    pareto: what the Pareto table is about (empty = the objectives). sampler: tpe (after `startup` random trials),
    random, cmaes, or grid (every point once). pruner: what ends a trial early by its dev nDCG@10, looked at after
    every `every` steps; factor: of hyperband and halving, the share of trials that goes on is 1 / factor.
    storage: null = a journal file in the store; journal:FILE, sqlite:///FILE or postgresql://USER@HOST/NAME.
    retries: how often a trial whose worker died is run again. seeds: fresh ones for the winner and the paper's setting.
    """

    name: Annotated[str, AfterValidator(_file_name)]
    question: str = ""
    expectation: str = ""
    cost: str = ""
    space: Annotated[dict[str, Parameters], Field(min_length=1)]
    paper: Annotated[dict[Annotated[str, AfterValidator(_file_name)], dict[str, Scalar]], Field(min_length=1)]
    trials: Annotated[int, Field(ge=1)]
    seed: Annotated[int, Field(ge=0)] = 0
    objectives: Annotated[tuple[Objective, ...], Field(min_length=1)] = ("dev nDCG@10",)
    pareto: tuple[Objective, ...] = ()
    sampler: Literal["tpe", "random", "cmaes", "grid"] = "tpe"
    startup: Annotated[int, Field(ge=1)] = 10
    pruner: Literal["none", "hyperband", "median", "halving"] = "none"
    every: Annotated[int, Field(ge=1)] = 10
    factor: Annotated[int, Field(ge=2)] = 3
    storage: str | None = None
    retries: Annotated[int, Field(ge=0)] = 2
    seeds: Seeds = (101, 102, 103, 104, 105)
    margin: Annotated[float | None, Field(gt=0.0)] = None
    limits: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _fits_together(self) -> Search:
        for key in self.space:
            if key in NOT_VARIED:
                raise ValueError(f"space: {key} is not varied: trials would be judged on other draws or queries")
        if len(set(self.objectives)) < len(self.objectives):
            raise ValueError("objectives: one of them is given twice")
        if self.pruner != "none" and self.objectives != ("dev nDCG@10",):
            raise ValueError(
                "pruner: trials are pruned by dev nDCG@10 as the only objective: use pruner=none with others "
                "(pareto=[...] shows more than what is searched for)"
            )
        if self.sampler == "cmaes" and not self._numeric():
            raise ValueError("sampler: cmaes takes ranges without conditions and one objective: use tpe")
        if "winner" in self.paper:
            raise ValueError("paper: 'winner' is what the search finds: give this setting another name")
        return self

    def _numeric(self) -> bool:
        listed = [one for parameters in self.space.values() for one in parameters]
        plain = all(isinstance(one, Range) and not one.when for one in listed)
        return plain and len(listed) == len(self.space) and len(self.objectives) == 1

    @property
    def shown(self) -> tuple[str, ...]:
        """What the Pareto table is about."""
        return self.pareto or self.objectives

    @property
    def baseline(self) -> str:
        """The name of the paper's setting that the winner is compared with."""
        return next(iter(self.paper))


def is_better_higher(objective: str) -> bool:
    """Whether more of it is better."""
    return objective.startswith("dev ")

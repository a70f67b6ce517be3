"""From a command line to a search: its declaration, what all of its trials share, and the run of a point."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from experiments.command import mistakes
from experiments.command.build import IDENTITY, Composed
from experiments.command.compose import Composer
from experiments.command.overrides import key_of, write_value
from experiments.config import Training
from experiments.errors import UserError
from experiments.identity import digest
from experiments.searching.declaration import Choices, Range, Scalar, Search, Settings
from experiments.searching.space import Parameter, Space
from experiments.studies.dev import DEV_OVERRIDES, check_dev_only

FIELDS = [name for model in (Search, Range, Choices) for name in model.model_fields]
TRIALS, CONFIRM = "trials", "main"
"""What the two parts of a search are called where runs have a block: its trials, and the runs with fresh seeds."""
ABOUT_DEV = frozenset(key_of(text) for text in DEV_OVERRIDES)


@dataclass(frozen=True)
class Setting:
    """A search as one command line asks for it.

    choice: "search=NAME". common: what every run is given beside its point: what the command line sets.
    """

    composer: Composer
    search: Search
    choice: str
    common: tuple[str, ...]
    _runs: dict[tuple[str, ...], Composed] = field(default_factory=dict)

    @classmethod
    def make(cls, arguments: Sequence[str], composer: Composer) -> Setting:
        """Raises UserError for a declaration, a setting or a point that cannot be, in one line."""
        search = load_search(arguments, composer)
        (choice,) = [text for text in arguments if key_of(text) == "search"]
        common = tuple(
            text for text in arguments if key_of(text).lstrip("+~").partition(".")[0] not in {"search", "dry_run"}
        )
        setting = cls(composer, search, choice, common)
        for text in common:
            setting._check_given(text)
        setting._check_points()
        return setting

    @cached_property
    def space(self) -> Space:
        """Its parameters; one applies where the config of a point has its key."""
        return Space.of(self.search, self._has_key)

    @cached_property
    def paper(self) -> dict[str, dict[str, Scalar]]:
        """Name -> values by parameter of the settings that are tried first.

        Raises UserError for one outside the space.
        """
        return {
            name: self.space.point(settings, where=f"search.paper.{name}")
            for name, settings in self.search.paper.items()
        }

    @property
    def baseline(self) -> Composed:
        """The trial of the paper's setting that the winner is compared with."""
        return self.trial(self.search.paper[self.search.baseline])

    @property
    def store(self) -> Path:
        """The artifact store of its runs."""
        return self.baseline.execution.store

    @property
    def folder(self) -> Path:
        """Where its journal, its plan and its page lie."""
        return self.store / "studies" / self.search.name

    @property
    def steps(self) -> int:
        """Training steps of the paper's setting."""
        train = self.baseline.config.train
        assert isinstance(train, Training)
        return train.steps

    @property
    def fingerprint(self) -> str:
        """Of what must not change while a search goes on: its space, its objectives, and what its trials share."""
        plain = self.search.model_dump(mode="json", include={"space", "objectives"})
        return digest({**plain, "paper": self.baseline.run_id})

    def trial(self, settings: Settings, *, number: int | None = None) -> Composed:
        """The run of a point: it looks at dev queries only. Raises UserError for a config that cannot be."""
        label = "trial" if number is None else f"trial {number}"
        composed = self._run([*self._point(settings), *DEV_OVERRIDES, *self._labels(TRIALS, label, number)])
        check_dev_only(composed.config, f"search {self.search.name}")
        return composed

    def fresh(self, settings: Settings, *, arm: str, seed: int) -> Composed:
        """The run of a point with a fresh seed: on the dev queries and on what the search's file evaluates."""
        base = self._run(self._point(settings)).config.evaluation.splits
        splits = write_value(list(dict.fromkeys(["dev", *base])))
        chosen = [f"evaluation.splits={splits}", f"seed={seed}", *self._labels(CONFIRM, arm)]
        return self._run([*(text for text in self._point(settings) if key_of(text) != "seed"), *chosen])

    def overrides(self, settings: Settings) -> list[str]:
        """A point as overrides: groups first, as a command line has them."""
        texts = [f"{key}={write_plain(value)}" for key, value in settings.items()]
        return sorted(texts, key=lambda text: not self.composer.is_group(key_of(text)))

    @property
    def command(self) -> tuple[str, ...]:
        """The arguments that name the search, without where its results are stored and what they are tracked by."""
        given = [text for text in self.common if key_of(text).partition(".")[0] in IDENTITY]
        return (self.choice, *given)

    def plain_run(self, settings: Settings) -> list[str]:
        """The overrides that give the run of a point without the search's file, with its test queries."""
        point = self._point(settings)
        groups = [f"{group}={choice}" for group, choice in self.composer.chosen(point).items() if group in IDENTITY]
        default = {group: choice for group, choice in self.composer.chosen([]).items() if group in IDENTITY}
        named = [text for text in groups if default.get(key_of(text)) != text.partition("=")[2]]
        before, after = self.composer.config(named), self.composer.config(point)
        return [*named, *_differences({k: before[k] for k in IDENTITY}, {k: after[k] for k in IDENTITY})]

    def _run(self, overrides: Sequence[str]) -> Composed:
        key = tuple(overrides)
        if key not in self._runs:
            self._runs[key] = self.composer.run(overrides)
        return self._runs[key]

    def _point(self, settings: Settings) -> list[str]:
        return [self.choice, *self.common, *self.overrides(settings)]

    def _labels(self, block: str, arm: str, trial: int | None = None) -> list[str]:
        name = self.search.name
        labels = {"study": name, "block": block, "arm": arm, "search": name, "trial": trial}
        return [f"labels.{name}={write_value(value)}" for name, value in labels.items()]

    def _has_key(self, settings: Settings, key: str) -> bool:
        if self.composer.is_group(key):
            return True
        groups = [text for text in self.overrides(settings) if self.composer.is_group(key_of(text))]
        given = [text for text in self.common if self.composer.is_group(key_of(text))]
        return self.composer.has_key([self.choice, *given, *groups], key)

    def _check_given(self, text: str) -> None:
        key = key_of(text).lstrip("+~")
        if key in ABOUT_DEV:
            raise UserError(
                f"{text}: a search looks at dev queries only; its winner is then measured on what the search's file "
                "evaluates: leave it out, or edit the file"
            )
        if key in self.search.space:
            raise UserError(f"{text}: {key} is what search {self.search.name} varies: leave it out, or edit its file")
        if key == "study":
            raise UserError(f"{text}: a study is another command: python -m experiments.run -m {text}")

    def _check_points(self) -> None:
        """The paper's settings, every choice and both ends of every range compose to a run that may be."""
        config = self.baseline.config
        if not isinstance(config.train, Training) or config.until != "evaluate":
            raise UserError(f"search {self.search.name}: its trials train nothing: leave out train=none and until=mine")
        if config.seed in self.search.seeds:
            raise UserError(
                f"search.seeds={list(self.search.seeds)}: {config.seed} is the seed of the trials, so it is not fresh: "
                "leave it out"
            )
        if self.search.sampler == "grid":
            for parameter in self.space.parameters:
                parameter.grid()
        corners = list(self.space.corners())
        for settings in [*self.search.paper.values(), *corners]:
            self.trial(settings)
        reached = {key for settings in corners for key in settings}
        for parameter in self.space.parameters:
            if parameter.key not in reached:
                raise UserError(self._never_applies(parameter))
        assert self.paper  # which refuses settings that leave the space

    def _never_applies(self, parameter: Parameter) -> str:
        """Why no point has a parameter: a key that no run has, or a condition."""
        groups = [
            text
            for text in self.overrides(next(iter(self.search.paper.values())))
            if self.composer.is_group(key_of(text))
        ]
        value = next(iter(parameter.values.choices)) if isinstance(parameter.values, Choices) else parameter.values.low
        try:
            self._run([self.choice, *self.common, *groups, f"{parameter.key}={write_plain(value)}"])
        except UserError as error:
            return str(error)
        return f"search.space.{parameter.key}: its condition never holds: mend when"


def load_search(arguments: Sequence[str], composer: Composer) -> Search:
    """The declaration that a command line names, with what it sets under search. itself."""
    for text in arguments:
        if key_of(text).lstrip("+").startswith(("search.space", "search.paper")):
            raise UserError(f"{text}: this would be merged with what the search's file has: edit the file")
    named = any(key_of(text) == "search" for text in arguments)
    data = composer.declared(arguments, "search") if named else None
    if data is None:
        raise UserError(f"search=NAME is missing: name a search of conf/search/ (it has: {_there(composer)})")
    try:
        return Search.model_validate(data)
    except ValidationError as error:
        line = mistakes.invalid_value(error, data, prefix="search.", names=FIELDS)
        raise UserError(f"{_where(arguments, composer, error, data)}{line}") from error


def write_plain(value: Any) -> str:
    """A value as it is typed: words without quotes."""
    plain = isinstance(value, str) and value.replace("_", "").replace("-", "").isalnum() and not value[0].isdigit()
    return str(value) if plain and str(value).lower() not in {"null", "true", "false"} else write_value(value)


def _differences(before: Mapping[str, Any], after: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """`key=value` for every leaf of `after` that `before` has otherwise."""
    for name, value in after.items():
        key = f"{prefix}{name}"
        if isinstance(value, Mapping) and isinstance(before.get(name), Mapping):
            yield from _differences(before[name], value, f"{key}.")
        elif before.get(name) != value:
            yield f"{key}={write_plain(value)}"


def _there(composer: Composer) -> str:
    return ", ".join(composer.choices("search"))


def _where(arguments: Sequence[str], composer: Composer, error: ValidationError, data: dict[str, Any]) -> str:
    """`conf/search/NAME.yaml:LINE: ` of what the file, and not the command line, has set."""
    path = ["search", *mistakes.invalid_path(error, data)]
    typed = [key_of(text).lstrip("+") for text in arguments if key_of(text).lstrip("+").startswith("search.")]
    if any(".".join(path).startswith(key) for key in typed):
        return ""
    (name,) = [text.partition("=")[2] for text in arguments if key_of(text) == "search"]
    where = composer.study_file(name, "search").where(path)
    return f"{where}: " if where else ""

"""A declared space as parameters: which of them apply, their values as config overrides, the points of a grid."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from experiments.errors import UserError
from experiments.searching.declaration import Choices, Range, Scalar, Search, Settings

HasKey = Callable[[Settings, str], bool]
"""has_key(settings, key): whether the config that the settings compose to has a key."""
DIGITS = 4
"""Significant digits of a number without a step: what stands in a command line is what was run."""


@dataclass(frozen=True)
class Parameter:
    """One range or set of choices of one key, under a name of its own."""

    name: str
    key: str
    values: Range | Choices

    def meets(self, settings: Settings) -> bool:
        """Whether its condition holds."""
        return all(
            key in settings and any(_equal(settings[key], value) for value in values)
            for key, values in self.values.when.items()
        )

    def holds(self, value: Scalar) -> bool:
        """Whether a value lies in it."""
        if isinstance(self.values, Choices):
            return any(_equal(value, choice) for choice in self.values.choices)
        number = not isinstance(value, bool) and isinstance(value, int if self.values.whole else (int, float))
        if not number or not self.values.low <= value <= self.values.high:  # type: ignore[operator]
            return False
        return self.values.step is None or _on_step(float(value), self.values)  # type: ignore[arg-type]

    def grid(self) -> list[Scalar]:
        """Every value. Raises UserError for a range without a step."""
        if isinstance(self.values, Choices):
            return list(self.values.choices)
        if self.values.step is None and not (self.values.whole and not self.values.log):
            raise UserError(f"search.space.{self.key}: a grid needs a step or a list of choices: give it step: ...")
        return list(_stepped(self.values))

    def shown(self) -> str:
        """As people read it: `0.8 to 1.05 by 0.005`, `1e-05 to 0.001, logarithmic`, `4, 8`."""
        if isinstance(self.values, Choices):
            return ", ".join(map(str, self.values.choices))
        one = self.values
        by = f" by {one.step:g}" if one.step is not None else ", logarithmic" if one.log else ""
        return f"{one.low:g} to {one.high:g}{by}"


@dataclass(frozen=True)
class Space:
    """The parameters in declared order: one applies where its condition holds and the config has its key."""

    parameters: tuple[Parameter, ...]
    has_key: HasKey

    @classmethod
    def of(cls, search: Search, has_key: HasKey) -> Space:
        """Raises UserError for a condition on what is not declared before."""
        listed = parameters(search)
        for i, one in enumerate(listed):
            _check_condition(one.key, one.values, listed[:i])
            if one.name in {other.name for other in listed[:i]}:
                raise UserError(f"search.space.{one.key}: two entries have one condition ({_condition(one.values)})")
        return cls(listed, has_key)

    def walk(self, value_of: Callable[[Parameter], Scalar]) -> dict[str, Scalar]:
        """The settings of one point: `value_of` is asked for each parameter that applies, in declared order."""
        settings: dict[str, Scalar] = {}
        for parameter in self.parameters:
            if self._applies(parameter, settings):
                settings[parameter.key] = rounded(value_of(parameter), parameter.values)
        return settings

    def point(self, settings: Settings, *, where: str) -> dict[str, Scalar]:
        """Parameter name -> value of whole settings. Raises UserError where these leave the space or something open."""
        values: dict[str, Scalar] = {}

        def take(parameter: Parameter) -> Scalar:
            if parameter.key not in settings:
                raise UserError(f"{where}: {parameter.key} is left open: give it a value")
            value = settings[parameter.key]
            if not parameter.holds(value):
                raise UserError(
                    f"{where}: {parameter.key}={value} lies outside its range ({parameter.shown()}): widen the range"
                )
            values[parameter.name] = value
            return value

        found = self.walk(take)
        for key in settings:
            if key not in found:
                raise UserError(f"{where}: {key} does not apply there: leave it out, or declare it in space")
        return values

    def grid(self) -> Iterator[dict[str, Scalar]]:
        """Every point once, by parameter names; conditions leave out what does not apply."""
        yield from self._grid((), {}, {})

    def corners(self) -> Iterator[dict[str, Scalar]]:
        """Settings that together hold every choice of a parameter and the ends of every range, as few as that takes."""
        for parameter in self.parameters:
            ends = parameter.values
            for end in ends.choices if isinstance(ends, Choices) else (ends.low, ends.high):
                settings = self._reaching(parameter, end)
                if settings is not None:
                    yield settings

    def _reaching(self, parameter: Parameter, end: Scalar) -> dict[str, Scalar] | None:
        """Settings in which a parameter has a value, with the first choices of the others that let it apply."""
        choices = [one for one in self.parameters if isinstance(one.values, Choices) and one.name != parameter.name]
        for picked in itertools.product(*[one.values.choices for one in choices]):  # type: ignore[union-attr]
            taken: dict[str, Scalar] = dict(zip([one.name for one in choices], picked, strict=True))
            taken[parameter.name] = end
            settings = self.walk(lambda one, taken=taken: taken.get(one.name, _first(one.values)))  # type: ignore[misc]
            applied = {one.name for one in self.parameters if one.key in settings}
            if parameter.name in applied and settings.get(parameter.key) == rounded(end, parameter.values):
                return settings
        return None

    def _grid(
        self, begun: tuple[Parameter, ...], settings: Mapping[str, Scalar], values: Mapping[str, Scalar]
    ) -> Iterator[dict[str, Scalar]]:
        left = self.parameters[len(begun) :]
        if not left:
            yield dict(values)
            return
        first = left[0]
        if not self._applies(first, settings):
            yield from self._grid((*begun, first), settings, values)
            return
        for value in first.grid():
            yield from self._grid((*begun, first), {**settings, first.key: value}, {**values, first.name: value})

    def _applies(self, parameter: Parameter, settings: Settings) -> bool:
        return parameter.meets(settings) and self.has_key(settings, parameter.key)


def parameters(search: Search) -> tuple[Parameter, ...]:
    """In declared order. The name is the key, with its condition where several ranges share the key."""
    return tuple(
        Parameter(key if len(values) == 1 else f"{key} ({_condition(one)})", key, one)
        for key, values in search.space.items()
        for one in values
    )


def rounded(value: Scalar, values: Range | Choices) -> Scalar:
    """A number of a range without a step at four significant digits; one of a range with a step without float noise."""
    if isinstance(values, Choices) or not isinstance(value, float):
        return value
    if values.step is not None:
        steps = round((value - values.low) / values.step)
        return _at(values, steps)
    return float(min(max(float(f"{value:.{DIGITS}g}"), values.low), values.high))


def _at(values: Range, steps: int) -> int | float:
    if values.whole:
        return int(values.low + steps * (values.step or 1))
    exact = Decimal(repr(values.low)) + steps * Decimal(repr(values.step))
    return float(exact)


def _stepped(values: Range) -> Iterator[int | float]:
    step = values.step or 1
    count = math.floor((values.high - values.low) / step + 1e-9)
    return (_at(values, i) for i in range(count + 1))


def _on_step(value: float, values: Range) -> bool:
    steps = (value - values.low) / (values.step or 1)
    return abs(steps - round(steps)) < 1e-6


def _first(values: Range | Choices) -> Scalar:
    return values.choices[0] if isinstance(values, Choices) else values.low


def _equal(one: Scalar, other: Scalar) -> bool:
    """Equal values of one kind: True is not 1, but 1 is 1.0."""
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def _condition(values: Range | Choices) -> str:
    return ", ".join(f"{key}={'|'.join(map(str, listed))}" for key, listed in values.when.items()) or "always"


def _check_condition(key: str, values: Range | Choices, before: Sequence[Parameter]) -> None:
    for other, wanted in values.when.items():
        known = [one for one in before if one.key == other]
        if not known:
            raise UserError(f"search.space.{key}: when: {other} is not declared before it: declare it first")
        for value in wanted:
            if not any(one.holds(value) for one in known):
                raise UserError(
                    f"search.space.{key}: when: {other}={value} is never so ({'; '.join(one.shown() for one in known)})"
                )

"""A declared space: what applies, which values there are, and how they are written; against brute force."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from experiments.command.compose import Composer
from experiments.command.mistakes import UNIONS
from experiments.errors import UserError
from experiments.searching.declaration import Range, Search
from experiments.searching.space import Space, rounded

PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""A busy machine is no failure."""

ANY = {"paper": {"p": {"a": 1}}, "trials": 3}


def space(declared: dict[str, Any], *, keys: Any = lambda settings, key: True) -> Space:
    return Space.of(Search(name="x", space=declared, **ANY), keys)


METHODS = {
    "miner": ["naive", "abs", "percpos"],
    "threshold": [
        {"when": {"miner": "abs"}, "low": 0.3, "high": 0.5, "step": 0.1},
        {"when": {"miner": ["percpos"]}, "low": 0.9, "high": 1.0, "step": 0.05},
    ],
    "negatives": {"low": 1, "high": 3},
    "sample": {"choices": [True, False], "when": {"negatives": [2, 3]}},
}


def brute(declared: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every assignment of every entry, those left out whose condition fails; entries as (key, when, values)."""
    entries = []
    for key, listed in declared.items():
        several = isinstance(listed, list) and isinstance(listed[0], dict)
        for one in listed if several else [listed]:
            plain = one if isinstance(one, dict) else {"choices": one}
            when = {k: v if isinstance(v, list) else [v] for k, v in plain.get("when", {}).items()}
            if "choices" in plain:
                values = plain["choices"]
            else:
                step = plain.get("step", 1)
                count = round((plain["high"] - plain["low"]) / step) + 1
                values = [round(plain["low"] + i * step, 9) for i in range(count)]
            entries.append((key, when, values))
    for values in itertools.product(*(values for _, _, values in entries)):
        settings: dict[str, Any] = {}
        for (key, when, _), value in zip(entries, values, strict=True):
            if all(settings.get(other) in wanted for other, wanted in when.items()):
                settings[key] = value
        yield settings


def as_settings(one: Space, values: dict[str, Any]) -> dict[str, Any]:
    return one.walk(lambda parameter: values[parameter.name])


def distinct(found: Iterator[dict[str, Any]]) -> set[tuple[tuple[str, str], ...]]:
    return {tuple(sorted((key, repr(value)) for key, value in one.items())) for one in found}


def test_a_grid_is_every_point_once_and_nothing_that_does_not_apply() -> None:
    one = space(METHODS)
    points = [as_settings(one, values) for values in one.grid()]
    assert len(points) == len(distinct(iter(points)))
    assert distinct(iter(points)) == distinct(brute(METHODS))


keys = st.sampled_from(["a", "b", "c"])


@st.composite
def declared_spaces(draw: st.DrawFn) -> dict[str, Any]:
    """Up to three keys; a later one may depend on an earlier one."""
    found: dict[str, Any] = {}
    choices: dict[str, list[Any]] = {}
    for name in ("a", "b", "c")[: draw(st.integers(1, 3))]:
        values = draw(st.lists(st.sampled_from(["x", "y", "z", 1, 2.5]), min_size=1, max_size=3, unique=True))
        when = {}
        if choices and draw(st.booleans()):
            other = draw(st.sampled_from(sorted(choices)))
            when = {other: draw(st.lists(st.sampled_from(choices[other]), min_size=1, unique=True))}
        found[name] = {"choices": values, "when": when}
        choices[name] = values
    return found


@PATIENT
@given(declared_spaces())
def test_any_grid_is_what_brute_force_gives(declared: dict[str, Any]) -> None:
    one = space(declared)
    assert distinct(as_settings(one, values) for values in one.grid()) == distinct(brute(declared))


@PATIENT
@given(declared_spaces())
def test_every_point_of_a_grid_is_whole_settings_and_back(declared: dict[str, Any]) -> None:
    one = space(declared)
    for values in one.grid():
        assert one.point(as_settings(one, values), where="here") == values


@PATIENT
@given(declared_spaces())
def test_corners_hold_every_choice_that_can_be(declared: dict[str, Any]) -> None:
    one = space(declared)
    reached = {(key, repr(value)) for settings in brute(declared) for key, value in settings.items()}
    assert {(key, repr(v)) for settings in one.corners() for key, v in settings.items()} == reached


def test_a_threshold_applies_to_the_methods_that_have_one() -> None:
    """Oracle: the models of the mining methods."""
    composer = Composer()
    kinds = [kind for kind in UNIONS["miner"] if kind != "given"]
    declared = {"miner": kinds, "miner.threshold": {"low": 0.1, "high": 0.2}}
    one = space(
        declared, keys=lambda settings, key: key == "miner" or composer.has_key([f"miner={settings['miner']}"], key)
    )
    for kind in kinds:
        settings = one.walk(lambda parameter, kind=kind: kind if parameter.key == "miner" else 0.15)
        assert ("miner.threshold" in settings) == ("threshold" in UNIONS["miner"][kind].model_fields)


@given(st.floats(1e-5, 1e-1))
def test_numbers_are_what_a_command_line_shows(value: float) -> None:
    found = rounded(value, Range(low=1e-5, high=1e-1, log=True))
    assert isinstance(found, float)
    assert found == float(f"{found:.4g}")
    assert abs(found - value) <= 5e-4 * value
    assert 1e-5 <= found <= 1e-1


@given(st.integers(0, 14))
def test_steps_are_written_without_float_noise(step: int) -> None:
    found = rounded(0.7 + step * 0.025 + 1e-12, Range(low=0.7, high=1.05, step=0.025))
    assert repr(found) == repr(float(np.round(0.7 + step * 0.025, 6)))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"miner": "abs", "negatives": 1}, "threshold is left open"),
        ({"miner": "abs", "threshold": 0.95, "negatives": 1}, r"threshold=0.95 lies outside its range \(0.3 to 0.5"),
        ({"miner": "abs", "threshold": 0.35, "negatives": 1}, "threshold=0.35 lies outside"),
        ({"miner": "naive", "negatives": 1, "threshold": 0.4}, "threshold does not apply there"),
        ({"miner": "nobody", "negatives": 1}, "miner=nobody lies outside"),
        ({"miner": "naive", "negatives": 1.5}, "negatives=1.5 lies outside"),
    ],
)
def test_settings_outside_the_space_are_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        space(METHODS).point(settings, where="paper.p")

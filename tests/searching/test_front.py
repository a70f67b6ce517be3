"""The trials that no other beats, against brute force and against Optuna's own."""

from __future__ import annotations

import optuna
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from experiments.searching.declaration import Search, is_better_higher
from experiments.searching.results import winner
from experiments.searching.trials import TrialLine, front

NAMES = ("dev nDCG@10", "known false rate", "training seconds")
HIGHER = {name: is_better_higher(name) for name in NAMES}

PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""A busy machine is no failure."""

triples = st.lists(st.tuples(*[st.integers(0, 4)] * 3), min_size=1, max_size=12)


def as_values(points: list[tuple[int, int, int]]) -> list[dict[str, float]]:
    return [dict(zip(NAMES, map(float, point), strict=True)) for point in points]


def beats(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    """The first is to be high, the others low."""
    flipped, against = (one[0], -one[1], -one[2]), (other[0], -other[1], -other[2])
    return flipped != against and all(a >= b for a, b in zip(flipped, against, strict=True))


@PATIENT
@given(triples)
def test_nobody_in_the_front_is_beaten_and_everybody_else_is(points: list[tuple[int, int, int]]) -> None:
    kept = front(as_values(points), NAMES, HIGHER)
    for i, point in enumerate(points):
        assert (i in kept) == (not any(beats(other, point) for other in points))


@settings(PATIENT, max_examples=25)
@given(triples)
def test_it_is_the_front_that_optuna_finds(points: list[tuple[int, int, int]]) -> None:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(
        directions=["maximize", "minimize", "minimize"],
        sampler=optuna.samplers.RandomSampler(seed=0),
        pruner=optuna.pruners.NopPruner(),
    )
    for point in points:
        study.add_trial(optuna.trial.create_trial(values=list(map(float, point))))
    assert sorted(trial.number for trial in study.best_trials) == front(as_values(points), NAMES, HIGHER)


def line(number: int, value: float, *, paper: str | None = None, rate: float = 0.1) -> TrialLine:
    values = {"dev nDCG@10": value, "known false rate": rate}
    return TrialLine(number=number, state="whole", settings={}, parameters={}, values=values, paper=paper)


def search(*objectives: str) -> Search:
    return Search(name="x", space={"a": [1, 2]}, paper={"p": {"a": 1}}, trials=3, objectives=objectives)


@pytest.mark.parametrize(
    ("lines", "won"),
    [
        ([line(0, 0.5, paper="p"), line(1, 0.6), line(2, 0.55)], 1),
        ([line(0, 0.6), line(1, 0.6, paper="p")], 1),  # a tie goes to the paper's setting
        ([line(0, 0.6), line(1, 0.6)], 0),
    ],
)
def test_the_winner_is_the_best_and_ties_go_to_the_paper(lines: list[TrialLine], won: int) -> None:
    found = winner(lines, search("dev nDCG@10"))
    assert found is not None
    assert found.number == won


def test_of_several_objectives_the_first_picks_among_the_unbeaten() -> None:
    lines = [line(0, 0.5, rate=0.0), line(1, 0.6, rate=0.3), line(2, 0.6, rate=0.2)]
    found = winner(lines, search("dev nDCG@10", "known false rate"))
    assert found is not None
    assert found.number == 2

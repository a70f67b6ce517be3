"""The studies that results/paper/claims.yaml names have the arms that it names, at every scale it asks for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from analysis.claims.schema import Pair, StudyTest, read_claims
from analysis.paper.read import PAPER
from experiments.command.compose import CONF, Composer
from experiments.studies.given import load_study


def written() -> Iterator[tuple[StudyTest, tuple[Pair, ...]]]:
    """Every test of a claim by a study that has a file."""
    for claim in read_claims(PAPER):
        for test in claim.tests:
            if (CONF / "study" / f"{test.study}.yaml").is_file():
                yield test, test.pairs or claim.pairs


@pytest.mark.parametrize(("test", "pairs"), written(), ids=lambda value: getattr(value, "study", ""))
def test_arms_of_claims_are_arms_of_their_studies(composer: Composer, test: StudyTest, pairs: tuple[Pair, ...]) -> None:
    for name, arguments in test.published:
        declared = load_study(arguments.split(), composer)
        rows = {} if declared.paper is None else declared.paper.rows
        arms = [arm for block in test.blocks or declared.blocks for arm in declared.arms_of(block)]
        named = {*arms, *(rows[arm] for arm in arms if arm in rows)}
        assert declared.name == name
        assert {arm for pair in pairs for arm in pair} <= named

"""Settings that are computed from a collection, and what its runs are made of."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.command.compose import Composer
from experiments.config import InfoNCE
from experiments.errors import UserError
from experiments.studies.fitted import (
    MOST_ROWS,
    PASSAGE_TOKENS,
    QUERY_TOKENS,
    Measured,
    Work,
    seconds,
    suited,
    time_text,
    work,
)
from experiments.studies.planner import StudyPlanner
from tests.helpers.beir import write_beir

counts = st.integers(min_value=1, max_value=200_000)


@given(train=counts, test=st.integers(0, 5000), query=st.integers(1, 600), passage=st.integers(1, 6000))
def test_settings_lie_within_their_bounds(train: int, test: int, query: int, passage: int) -> None:
    splits = {"train": train} | ({"test": test} if test else {})
    chosen = suited(Measured(1000, splits, several=0.0, query_tokens=query, passage_tokens=passage))
    steps, batch = int(chosen["train.steps"]), int(chosen["train.batch_size"])
    assert steps * batch <= max(MOST_ROWS, 20 * batch)
    assert QUERY_TOKENS[0] <= int(chosen["train.query_length"]) <= QUERY_TOKENS[1]
    assert PASSAGE_TOKENS[0] <= int(chosen["train.passage_length"]) <= PASSAGE_TOKENS[1]
    assert chosen["train.query_length"] == chosen["evaluation.query_length"]
    assert int(chosen["train.passage_length"]) >= min(passage, PASSAGE_TOKENS[1])
    assert ("data.heldout_queries" in chosen) == (not test and train > 1)
    assert int(chosen.get("data.heldout_queries", 0)) < train


def test_settings_by_hand() -> None:
    found = Measured(5000, {"train": 2000, "test": 100}, several=0.2, query_tokens=19, passage_tokens=150)
    assert suited(found) == {
        "data.positives": "one",
        "train.steps": "187",  # 3 passes of 2,000 rows in batches of 32
        "train.batch_size": "32",
        "train.query_length": "24",
        "train.passage_length": "160",
        "evaluation.query_length": "24",
        "evaluation.passage_length": "160",
    }


def test_work_by_hand() -> None:
    found = work(
        documents=10,
        train=4,
        measured=2,
        lengths=(5.0, 20.0),
        examples=8,
        negatives=1,
        trained_runs=3,
        untrained=True,
    )
    assert found == Work(teacher=220, student=4 * 210, trained=3 * 8 * 45)
    assert seconds(found, teacher=22.0, student=10.0) == 10 + (840 + 3 * 1080) / 10
    assert seconds(found, teacher=None, student=10.0) == 408
    assert [time_text(s) for s in (10, 600, 7200)] == ["about 10 s", "about 10 minutes", "about 2.0 hours"]


def planner(composer: Composer, folder: Path, *more: str, **sizes: int) -> StudyPlanner:
    write_beir(folder / "toy", dev=0, **sizes)
    own = ["study=own_data", "data=beir", f"data.path={folder}/toy", "student=tiny", "teacher=bm25", *more]
    return StudyPlanner.make([*own, f"outputs={folder}/outputs"], composer)


def test_every_run_holds_the_settings_and_the_command_line_wins(composer: Composer, tmp_path: Path) -> None:
    found = planner(composer, tmp_path, "train.steps=7", train=60, test=0)
    configs = [job.composed.config for job in found.phase_two()]
    assert {config.data.positives for config in configs} == {"one"}  # type: ignore[union-attr]
    assert {config.evaluation.splits for config in configs} == {("heldout",)}
    trained = [config.train for config in configs if isinstance(config.train, InfoNCE)]
    assert {(train.steps, train.batch_size) for train in trained} == {(7, 8)}
    assert len(trained) == 18
    assert not any(text.startswith("train.steps") for text in found.fitted)


def test_a_collection_that_cannot_be_trained_on_is_refused_before_any_run(composer: Composer, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="has no train split"):
        planner(composer, tmp_path, train=0)

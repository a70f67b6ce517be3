"""Settings that are computed from a collection, and what its runs are made of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.command.compose import Composer
from experiments.config import InfoNCE
from experiments.errors import UserError
from experiments.studies.fitted import (
    FEWEST_STEPS,
    PASSAGE_TOKENS,
    PASSES,
    QUERY_TOKENS,
    SHORT,
    TOKENS,
    Measured,
    Rates,
    Work,
    suited,
    time_line,
    time_text,
)
from experiments.studies.planner import StudyPlanner
from tests.helpers.beir import write_beir

counts = st.integers(min_value=1, max_value=200_000)


def measured(train: int, *, test: int = 0, query: int = 19, passage: int = 150, **more: Any) -> Measured:
    """A collection whose passages all have `passage` tokens."""
    means = {length: float(min(length, passage)) for length in PASSAGE_TOKENS}
    splits = {"train": train} | ({"test": test} if test else {})
    fields = {"documents": 1000, "several": 0.0, "passage_means": means} | more
    return Measured(splits=splits, query_tokens=query, passage_tokens=passage, **fields)


@given(
    train=counts,
    test=st.integers(0, 5000),
    query=st.integers(1, 600),
    passage=st.integers(1, 6000),
    negatives=st.integers(1, 30),
    effort=st.floats(0.1, 100),
)
def test_settings_lie_within_their_bounds(
    train: int, test: int, query: int, passage: int, negatives: int, effort: float
) -> None:
    chosen = suited(measured(train, test=test, query=query, passage=passage), negatives=negatives, effort=effort)
    steps, batch = int(chosen["train.steps"]), int(chosen["train.batch_size"])
    read, length = int(chosen["train.query_length"]), int(chosen["train.passage_length"])
    left = train - int(chosen.get("data.heldout_queries", 0))
    assert ("data.heldout_queries" in chosen) == (not test and train > 1)
    assert left > 0
    assert QUERY_TOKENS[0] <= read <= QUERY_TOKENS[1]
    assert length in PASSAGE_TOKENS
    assert length >= min(passage, SHORT)
    tokens = steps * batch * (read + (1 + negatives) * min(length, passage))
    assert tokens <= TOKENS * effort or steps == FEWEST_STEPS
    assert steps * batch <= PASSES * left or steps == FEWEST_STEPS
    assert chosen["train.query_length"] == chosen["evaluation.query_length"]
    assert chosen["train.passage_length"] == chosen["evaluation.passage_length"]


def test_settings_by_hand() -> None:
    """600 rows want 600 x (24 + 5 x length) tokens: 398,400 at 128, and within 330,000 at 96 (302,400)."""
    assert suited(measured(2000, test=100, several=0.2)) == {
        "data.positives": "one",
        "mining.positive_within": "100",
        "train.steps": "40",  # 330,000 / 504 = 654 rows in batches of 16
        "train.batch_size": "16",
        "train.query_length": "24",
        "train.passage_length": "96",
        "train.attention": "eager",
        "evaluation.query_length": "24",
        "evaluation.passage_length": "96",
    }


def test_more_effort_means_more_steps_of_longer_texts() -> None:
    """Under effort 4, 1,200 rows want 1,200 x (24 + 5 x 150) = 928,800 tokens of 1,320,000: whole passages fit."""
    chosen = suited(measured(2000, test=100), effort=4.0)
    assert (chosen["train.passage_length"], chosen["train.steps"]) == ("192", "106")  # 1,320,000 / 774 = 1,705 rows


def test_what_a_machine_and_chunks_add() -> None:
    chosen = suited(measured(2000, test=100, grouped=True, bf16=True, cpu=False))
    assert chosen["data.group_by"] == "document"
    assert (chosen["train.precision"], chosen["evaluation.precision"]) == ("bf16", "bf16")
    assert "train.attention" not in chosen


def test_time_by_hand() -> None:
    """100 steps of 2 s, 1,000 tokens at 10 a second, 60 s of teacher, 15 s and 4 s for each of 4 runs: 391 s.

    Without the teacher, at half a processor: 362 s of which the other half is lost to others.
    """
    work = Work(runs=4, steps=100, teacher_tokens=1200, evaluation_tokens=1000)
    line = time_line(work, Rates(step=2.0, student=10.0, teacher=20.0))
    assert line == (
        "about 7 minutes for 4 runs one after another (training 3 minutes, evaluation 100 s, teacher at most 60 s, "
        "starting 31 s; timed just now)"
    )
    busy = time_line(work, Rates(step=2.0, student=10.0, teacher=None, share=0.5))
    assert busy.endswith("; other programs leave 50% of the processor, without them about 3 minutes")
    assert "teacher" not in busy
    assert [time_text(s) for s in (10, 600, 7200)] == ["10 s", "10 minutes", "2.0 hours"]


def test_each_collection_has_a_plan_of_its_own(composer: Composer, tmp_path: Path) -> None:
    assert planner(composer, tmp_path, train=60, test=8).study.name == "own_data-toy"
    assert planner(composer, tmp_path, "study.name=mine", train=60, test=8).study.name == "mine"


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

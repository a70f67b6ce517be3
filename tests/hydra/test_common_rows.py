"""What a study lists so that an arm trains on the rows of another, and which arms it cannot take them from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from experiments.command.compose import Composer
from experiments.config import TopKPercPos
from experiments.errors import UserError
from experiments.pipeline import run
from experiments.stages.mine import load_mined
from experiments.studies.declaration import Declaration
from experiments.studies.planner import StudyPlanner
from tests.helpers.beir import write_beir

STRICT = ["miner=topk_percpos", "miner.threshold=0.3", "mining.num_negatives=8", "mining.depth=40"]


def plan(composer: Composer, *settings: str, **study: Any) -> StudyPlanner:
    declared = Declaration.model_validate({"name": "made", **study})
    return StudyPlanner(composer, declared, "study=demo", settings)


def configs(planner: StudyPlanner) -> dict[str, Any]:
    return {job.cell.arm: job.composed.config for job in planner.phase_two() if job.cell}


def test_what_differs_is_listed_and_nothing_else(composer: Composer) -> None:
    arms = {
        "strict": [*STRICT, "mining.positive_within=null", "mining.selection=sampled"],
        "naive": {"overrides": ["miner=naive_topk", "mining.positive_within=20"], "rows_of": ["strict"]},
    }
    made = configs(plan(composer, arms=arms))
    (listed,) = made["naive"].mining.common_with
    assert listed.miner == TopKPercPos(threshold=0.3)
    set_here = {name for name, value in listed if value is not None}
    assert set_here == {"teacher", "miner", "reveal", "num_negatives", "depth", "positive_within"}
    assert (listed.num_negatives, listed.depth, listed.positive_within) == (8, 40, "any")
    assert listed.under(made["naive"].mining) == made["strict"].mining.rows_only


def test_an_arm_that_is_restricted_itself_brings_what_it_lists(composer: Composer) -> None:
    arms = {
        "strict": STRICT,
        "middle": {"overrides": ["miner=topk_abs", "mining.depth=50"], "rows_of": ["strict"]},
        "naive": {"overrides": ["miner=naive_topk"], "rows_of": ["middle", "strict"]},
    }
    listed = configs(plan(composer, arms=arms))["naive"].mining.common_with
    assert [(one.miner.kind, one.depth, one.num_negatives) for one in listed] == [
        ("topk_abs", 50, None),
        ("topk_percpos", 40, 8),
    ]


@pytest.mark.parametrize(
    ("other", "says"),
    [
        (["miner=topk_abs", "data.train_queries=50"], "data.train_queries is 50 there and"),
        (["miner=topk_abs", "data.positives=all"], "data.positives is 'all' there and 'one' here"),
        (["miner=topk_abs", "data.mining_corpus=train"], "data.mining_corpus is 'train' there"),
        (["train=none"], "train=none and keeps no rows"),
    ],
)
def test_rows_that_cannot_be_listed_are_refused(composer: Composer, other: list[str], says: str) -> None:
    arms = {"other": other, "naive": {"overrides": ["miner=naive_topk"], "rows_of": ["other"]}}
    with pytest.raises(UserError) as caught:
        plan(composer, arms=arms).phase_two()
    assert str(caught.value).startswith("main / naive / seed 0: rows_of=other: ")
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_arm_must_run_in_the_same_block(composer: Composer) -> None:
    arms = {"strict": STRICT, "naive": {"overrides": ["miner=naive_topk"], "rows_of": ["strict"]}}
    with pytest.raises(UserError, match="block main does not run that arm"):
        plan(composer, arms=arms, blocks={"main": {"arms": ["naive"]}}).phase_two()


@pytest.mark.parametrize("rows_of", [["a"], ["b"]])
def test_an_arm_restricted_to_its_own_rows_is_refused(rows_of: list[str]) -> None:
    arms = {
        "a": {"overrides": ["miner=naive_topk"], "rows_of": rows_of},
        "b": {"overrides": ["miner=topk_abs"], "rows_of": ["a"]},
    }
    with pytest.raises(ValueError, match="takes its rows_of an arm that takes them of"):
        Declaration.model_validate({"name": "made", "arms": arms})


def test_an_arm_keeps_the_rows_that_the_other_arms_own_run_keeps(composer: Composer, tmp_path: Path) -> None:
    """Through the pipeline: the strict arm asks for 8 negatives of 40 candidates, the naive one for 2 of 100."""
    arms = {
        "strict": STRICT,
        "naive": ["miner=naive_topk", "mining.num_negatives=2"],
        "common": {"overrides": ["miner=naive_topk", "mining.num_negatives=2"], "rows_of": ["strict"]},
        "loose": ["miner=topk_percpos", "miner.threshold=0.3", "mining.num_negatives=2"],
    }
    folder = write_beir(tmp_path / "toy", documents=300, train=80)
    planner = plan(
        composer, "data=beir", f"data.path={folder}", "data.train_queries=80", "teacher=bm25", "until=mine", arms=arms
    )
    kept = {}
    for job in planner.phase_two():
        execution = job.composed.execution.model_copy(update={"store": tmp_path / "store", "threads": 1})
        record = run(job.composed.config, execution)
        negatives = load_mined(tmp_path / "store" / "mine" / record.artifacts["mine"]).negatives
        kept[job.composed.execution.labels.arm] = {
            *zip(negatives.query.tolist(), negatives.positive.tolist(), strict=True)
        }
    assert kept["common"] == kept["strict"] < kept["loose"] <= kept["naive"]

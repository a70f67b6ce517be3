from __future__ import annotations

from pathlib import Path

import pytest

from experiments.command.compose import Composer
from experiments.config import TopKAbs, TopKPercPos
from experiments.errors import UserError
from experiments.studies.grid import grid_jobs


def miners(composer: Composer, *arguments: str) -> list[tuple[str, float | None]]:
    configs = [job.composed.config for job in grid_jobs(arguments, composer)]
    return [(config.miner.kind, getattr(config.miner, "threshold", None)) for config in configs]


def test_a_swept_key_is_dropped_for_the_choice_that_lacks_it_and_duplicates_collapse(composer: Composer) -> None:
    assert miners(composer, "miner=naive_topk,topk_abs,topk_percpos", "miner.threshold=0.7,0.95") == [
        ("naive_topk", None),
        ("topk_abs", 0.7),
        ("topk_abs", 0.95),
        ("topk_percpos", 0.7),
        ("topk_percpos", 0.95),
    ]


def test_equal_values_written_differently_are_one_run(composer: Composer) -> None:
    assert miners(composer, "miner=topk_abs", "miner.threshold=1,1.0,1e0") == [("topk_abs", 1.0)]


def test_a_product_goes_seed_by_seed(composer: Composer) -> None:
    jobs = grid_jobs(["miner=naive_topk,random", "seed=1,0"], composer)
    assert [(job.composed.config.seed, job.composed.config.miner.kind) for job in jobs] == [
        (0, "naive_topk"),
        (0, "random"),
        (1, "naive_topk"),
        (1, "random"),
    ]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["miner=naive_topk,topk_abs", "miner.treshold=0.7,0.8"], "did you mean 'threshold'"),
        (["miner=naive_topk,random", "miner.threshold=0.7"], "those that have one: topk_abs"),
        (["miner=topk_percpos,topk_abs", "miner.threshold=0.7,3"], "miner.threshold=3.*less than or equal to 2"),
        (["teacher=[bm25,random]"], "teacher takes one choice"),
        (["miner=naive_topk,topk_abz"], "did you mean 'topk_abs'"),
    ],
)
def test_a_mistake_anywhere_in_the_product_is_refused_before_any_run(
    composer: Composer, arguments: list[str], says: str
) -> None:
    with pytest.raises(UserError, match=says):
        grid_jobs(arguments, composer)


def test_two_folders_of_one_name_are_refused(composer: Composer, tmp_path: Path) -> None:
    for parent in ("one", "two"):
        (tmp_path / parent / "toy").mkdir(parents=True)
    with pytest.raises(UserError, match="are both called toy"):
        grid_jobs(["data=beir", f"data.path={tmp_path}/one/toy,{tmp_path}/two/toy"], composer)


def test_other_parameters_stay_with_every_choice(composer: Composer) -> None:
    jobs = grid_jobs(["miner=topk_abs,topk_percpos", "miner.threshold=0.9", "mining.num_negatives=2"], composer)
    assert [job.composed.config.miner for job in jobs] == [TopKAbs(threshold=0.9), TopKPercPos(threshold=0.9)]
    assert {job.composed.config.mining.num_negatives for job in jobs} == {2}

"""Settings under which nothing could be mined are refused when the config is made, in one line."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from experiments.config import (
    CommonWith,
    MinerConfig,
    MiningConfig,
    NaiveTopK,
    NoTraining,
    RandomMiner,
    RandomTeacher,
    RunConfig,
    TinyStudent,
    TopKAbs,
    TopKCalibrated,
    TopKMarginPos,
    TopKPercPos,
    TopKQuantile,
    TopKShifted,
)
from tests.miners.problems import beir


def run(miner: MinerConfig, *, positives: str = "one", **mining: Any) -> RunConfig:
    return RunConfig(
        data=beir(positives=positives),
        teacher=RandomTeacher(),
        miner=miner,
        mining=MiningConfig.model_validate(mining),
        student=TinyStudent(),
        train=NoTraining(),
    )


def listed(miner: MinerConfig, **settings: Any) -> dict[str, Any]:
    return {"teacher": RandomTeacher().model_dump(), "miner": miner.model_dump(), **settings}


BARRED: tuple[MinerConfig, ...] = (TopKAbs(), TopKMarginPos(), TopKPercPos(), TopKQuantile(), TopKCalibrated())
RELABEL = {"false_negatives": "relabel", "reveal": 1}


@pytest.mark.parametrize(
    ("miner", "settings", "says"),
    [
        (NaiveTopK(), {"num_negatives": 101}, "num_negatives=101 is more than the mining.depth=100"),
        (NaiveTopK(), {"num_negatives": 0}, "greater than or equal to 1"),
        (NaiveTopK(), {"selection": "sampled", "num_negatives": 11}, "raise sample_from"),
        (NaiveTopK(), {"false_negatives": "placebo"}, "reveal=0 reveals none"),
        (RandomMiner(), {"false_negatives": "placebo", "reveal": 1}, "miner=random ranks nothing"),
        (NaiveTopK(), {"false_negatives": "drop_row"}, "false_negatives=drop_row needs revealed positives"),
        (RandomMiner(), {"false_negatives": "relabel", "reveal": 1}, "miner=random ranks nothing"),
        (NaiveTopK(), {**RELABEL, "common_with": [listed(NaiveTopK())]}, "drop common_with"),
        (NaiveTopK(), {"common_with": [listed(NaiveTopK(), **RELABEL)]}, "drop common_with"),
        (NaiveTopK(), {**RELABEL, "positives": "all"}, "data.positives=all hides none"),
        (NaiveTopK(), {"reveal": 0.5, "positives": "all"}, "data.positives=all hides none"),
        (TopKShifted(shift=97), {}, "miner.shift=97 leaves 3 of the 100 candidates"),
        (TopKShifted(shift=100), {"shortfall": "backfill"}, "leaves 0 of the 100"),
        (NaiveTopK(), {"common_with": [listed(NaiveTopK(), depth=3)]}, "is more than the mining.depth=3"),
        (NaiveTopK(), {"common_with": [listed(TopKShifted(shift=8), depth=10)]}, "leaves 2 of the 10"),
        (NaiveTopK(), {"common_with": [listed(NaiveTopK(), false_negatives="placebo")]}, "reveal=0 reveals none"),
        (NaiveTopK(), {"common_with": [listed(NaiveTopK(), reveal=1)], "positives": "all"}, "hides none"),
        (NaiveTopK(), {"common_with": [listed(TopKAbs())]}, "common_with (topk_abs): miner=topk_abs rejects"),
        *((one, {}, "under teacher=random, whose scores tell nothing") for one in BARRED),
    ],
)
def test_refused(miner: MinerConfig, settings: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError) as caught:
        run(miner, **settings)
    (error,) = caught.value.errors()
    assert says in error["msg"]
    assert "\n" not in error["msg"]


@pytest.mark.parametrize(
    ("miner", "settings"),
    [
        (NaiveTopK(), {"num_negatives": 100}),
        (NaiveTopK(), {"num_negatives": 101, "shortfall": "backfill"}),
        (RandomMiner(), {"num_negatives": 101}),
        (TopKShifted(shift=96), {}),
        (TopKShifted(shift=99), {"shortfall": "fewer"}),
        (RandomMiner(), {"reveal": 1}),
        (NaiveTopK(), {"reveal": 1, "false_negatives": "placebo"}),
        (NaiveTopK(), RELABEL),
        (RandomMiner(), {"reveal": 1, "false_negatives": "drop_row"}),
        (NaiveTopK(), {"common_with": [listed(NaiveTopK(), reveal=1, false_negatives="drop_row")]}),
        (NaiveTopK(), {"selection": "sampled", "common_with": [listed(NaiveTopK(), num_negatives=20)]}),
    ],
)
def test_taken(miner: MinerConfig, settings: dict[str, Any]) -> None:
    run(miner, **settings)


@pytest.mark.parametrize("within", [None, 20])
def test_settings_that_differ_are_written_and_read_back(within: int | None) -> None:
    own = MiningConfig(positive_within=10, shortfall="fewer", selection="sampled")
    source = MiningConfig(num_negatives=7, anchor="max", positive_within=within, reveal=0.5, false_negatives="placebo")
    written = CommonWith.of(source, own)
    assert written == {
        "reveal": 0.5,
        "num_negatives": 7,
        "anchor": "max",
        "shortfall": "drop",
        "positive_within": within or "any",
        "false_negatives": "placebo",
    }
    entry = CommonWith.model_validate(listed(NaiveTopK(), **written))
    assert entry.under(own) == source.rows_only
    assert CommonWith.of(own, own) == {"reveal": 0.0}, "always written, as it was before the others could be"

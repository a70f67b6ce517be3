"""The mine stage: made once, keyed by what decides it, and read back as it was."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from experiments.config import Bm25Teacher, MiningConfig, NoTraining, RunConfig, TinyStudent, TopKPercPos
from experiments.ir import Negatives
from experiments.miners.mine import REASONS, Mined, mine
from experiments.stages.mine import mine_stage, negatives_table
from experiments.store import Artifact, Store
from tests.miners.problems import beir, random_problem

PROBLEM = random_problem(np.random.default_rng(0), documents=40, queries=30, positives=4, twins=True)


def config(**changes: Any) -> RunConfig:
    return RunConfig(
        data=beir(),
        teacher=Bm25Teacher(),
        miner=changes.pop("miner", TopKPercPos(threshold=0.7)),
        mining=changes.pop("mining", MiningConfig(shortfall="backfill", depth=40)),
        student=TinyStudent(),
        train=NoTraining(),
        **changes,
    )


def stage(store: Path, run: RunConfig, key: str = "candidates") -> tuple[Mined, Artifact]:
    return mine_stage(
        config=run,
        collection=PROBLEM.collection,
        candidates=PROBLEM.candidates_for(beir(), run.mining),
        candidates_key=key,
        others=[],
        store=Store(store),
    )


def test_what_is_stored_is_what_was_mined(tmp_path: Path) -> None:
    run = config()
    direct = mine(
        collection=PROBLEM.collection,
        data=run.data,
        candidates=PROBLEM.candidates_for(beir(), run.mining),
        miner=run.miner,
        mining=run.mining,
        seed=run.seed,
    )
    first, made = stage(tmp_path, run)
    again, reused = stage(tmp_path, run)
    assert (made.made, reused.made) == (True, False)
    for mined in (first, again):
        for field in fields(Negatives):
            wanted, got = getattr(direct.negatives, field.name), getattr(mined.negatives, field.name)
            np.testing.assert_array_equal(got, wanted)
            assert got.dtype == wanted.dtype
        np.testing.assert_array_equal(mined.reasons, direct.reasons)
        np.testing.assert_array_equal(mined.rows[mined.row][:, 0], mined.negatives.query)
        assert mined.facts == direct.facts


def test_the_key_holds_what_decides_and_nothing_else(tmp_path: Path) -> None:
    base = stage(tmp_path, config())[1].key
    changed = [
        stage(tmp_path, config(seed=1))[1].key,
        stage(tmp_path, config(miner=TopKPercPos(threshold=0.8)))[1].key,
        stage(tmp_path, config(mining=MiningConfig(depth=40)))[1].key,
        stage(tmp_path, config(), key="others")[1].key,
    ]
    assert len({base, *changed}) == 5
    assert stage(tmp_path, config().model_copy(update={"student": TinyStudent(seed=5)}))[1].key == base


def test_the_table_shows_texts_scores_and_reasons(tmp_path: Path) -> None:
    mined, _ = stage(tmp_path, config())
    table = negatives_table(PROBLEM.collection, mined, 50)
    assert len(table) == 50
    for entry in table:
        assert entry["reason"] in {"chosen", "random"}
        if entry["reason"] == "chosen":
            assert entry["negative_score"] < entry["bar"]
            assert entry["rank"] >= 1
        else:
            assert entry["negative_score"] is entry["rank"] is None
    assert {entry["reason"] for entry in table} == {"chosen", "random"}
    assert table[0]["query"] == PROBLEM.collection.splits["train"].queries.texts[mined.negatives.query[0]]
    assert REASONS.index("chosen") == 9

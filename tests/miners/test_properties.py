"""What holds for every collection: nested reveals, monotone thresholds, fair draws, common rows."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.config import (
    CommonWith,
    MinerConfig,
    MiningConfig,
    NaiveTopK,
    RandomMiner,
    RandomTeacher,
    TopKAbs,
    TopKMarginPos,
    TopKPercPos,
    TopKShifted,
)
from experiments.config.mining import TRAVELS
from experiments.errors import UserError
from experiments.ir import NO_DOCUMENT, Candidates
from experiments.miners.depth import fetch_depth
from experiments.miners.mine import Mined, mine
from experiments.miners.reasons import CHOSEN, REVEALED, SURVIVOR
from tests.miners.problems import Problem, beir, collection_of, random_problem


def listed_miner(miner: MinerConfig, **settings: Any) -> CommonWith:
    """The teacher is named only in a run's config: here the candidates say what it ranked."""
    return CommonWith(teacher=RandomTeacher(), miner=miner, **settings)


def run(
    problem: Problem,
    miner: MinerConfig,
    mining: MiningConfig,
    *,
    seed: int = 0,
    positives: str = "one",
    others: tuple[tuple[Candidates, CommonWith], ...] = (),
) -> Mined:
    data = beir(positives=positives)
    candidates = problem.candidates_for(data, mining)
    return mine(
        collection=problem.collection,
        data=data,
        candidates=candidates,
        miner=miner,
        mining=mining,
        seed=seed,
        others=others,
    )


def rows_of(mined: Mined) -> set[tuple[int, int]]:
    return {(q, p) for q, p in np.stack([mined.negatives.query, mined.negatives.positive], axis=1).tolist()}


def made(seed: int, *, documents: int = 40, queries: int = 60, positives: int = 6) -> Problem:
    return random_problem(
        np.random.default_rng(seed), documents=documents, queries=queries, positives=positives, twins=True
    )


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.floats(0, 1), st.floats(0, 1))
def test_reveals_are_nested(seed: int, one: float, other: float) -> None:
    problem = made(seed)
    fewer, more = (
        run(problem, NaiveTopK(), MiningConfig(reveal=share, num_negatives=1, depth=30), seed=seed).reasons == REVEALED
        for share in sorted((one, other))
    )
    assert not (fewer & ~more).any()


def test_reveal_takes_out_the_asked_share_and_all_of_it_at_one() -> None:
    problem = made(1, documents=300, queries=300)
    mined = {share: run(problem, NaiveTopK(), MiningConfig(reveal=share, depth=200)) for share in (0.0, 0.3, 1.0)}
    hidden = np.count_nonzero(mined[1.0].reasons == REVEALED)
    assert hidden > 400
    assert np.count_nonzero(mined[0.3].reasons == REVEALED) / hidden == pytest.approx(0.3, abs=0.05)
    assert not (mined[0.0].reasons == REVEALED).any()
    assert mined[0.0].facts.known_false > mined[0.3].facts.known_false > 0
    assert mined[1.0].facts.known_false == 0


def test_shown_positives_are_fair_and_change_with_the_seed() -> None:
    collection = collection_of(
        [f"d{i}" for i in range(5)], [f"q{i}" for i in range(2000)], [(q, d) for q in range(2000) for d in (0, 2, 4)]
    )
    problem = Problem(collection, np.zeros((2000, 5), dtype=np.float32))
    shown = {seed: run(problem, NaiveTopK(), MiningConfig(num_negatives=1), seed=seed).rows[:, 1] for seed in (0, 1)}
    assert np.bincount(shown[0])[[0, 2, 4]] / 2000 == pytest.approx([1 / 3] * 3, abs=0.04)
    assert np.mean(shown[0] == shown[1]) == pytest.approx(1 / 3, abs=0.04)


@pytest.mark.parametrize("method", [TopKAbs, TopKMarginPos, TopKPercPos])
def test_a_higher_bar_lets_more_survive(method: type[TopKAbs] | type[TopKMarginPos] | type[TopKPercPos]) -> None:
    problem = made(2)
    order = (1.05, 0.95, 0.5, 0.0) if method is not TopKMarginPos else (0.0, 0.05, 0.5, 1.0)
    passed = []
    for threshold in order:
        mined = run(problem, method(threshold=threshold), MiningConfig(num_negatives=2, depth=20), positives="all")
        passed.append(np.isin(mined.reasons, (SURVIVOR, CHOSEN)))
    for more, fewer in pairwise(passed):
        assert not (fewer & ~more).any()
        assert fewer.sum() < more.sum()


def test_no_negative_reaches_its_bar_and_a_negative_positive_lowers_it() -> None:
    problem = made(3, queries=300)
    negatives = run(problem, TopKPercPos(threshold=0.9), MiningConfig(depth=40), positives="all").negatives
    assert (negatives.positive_score < 0).sum() > 20
    assert (negatives.bar <= negatives.positive_score).all()
    assert (negatives.score < negatives.bar).all()


@pytest.mark.parametrize("positives", ["one", "all"])
@pytest.mark.parametrize("within", [None, 10])
def test_random_keeps_the_rows_of_naive(positives: str, within: int | None) -> None:
    problem = made(4)
    mining = MiningConfig(positive_within=within)
    assert rows_of(run(problem, RandomMiner(), mining, positives=positives)) == rows_of(
        run(problem, NaiveTopK(), mining, positives=positives)
    )


@pytest.mark.parametrize("documents", [8, 400])
def test_random_documents_are_uniform(documents: int) -> None:
    """8 documents exhaust the draws with replacement; 400 never do."""
    queries = 4000
    collection = collection_of(
        [f"d{i}" for i in range(documents)], [f"q{i}" for i in range(queries)], [(q, 3) for q in range(queries)]
    )
    problem = Problem(collection, np.zeros((queries, documents), dtype=np.float32))
    negatives = run(problem, RandomMiner(), MiningConfig(num_negatives=5)).negatives
    counts = np.bincount(negatives.document.ravel(), minlength=documents)
    assert counts[3] == 0
    expected = queries * 5 / (documents - 1)
    assert np.abs(np.delete(counts, 3) - expected).max() < 5 * np.sqrt(expected)
    assert (negatives.rank == 0).all()
    assert np.isnan(negatives.score).all()


def test_sampling_follows_the_softmax_of_the_scores() -> None:
    queries = 6000
    ranking = np.array([3.0, 2.0, 1.5, 1.0, 0.0, -1.0], dtype=np.float32)
    collection = collection_of(
        [f"d{i}" for i in range(6)], [f"q{i}" for i in range(queries)], [(q, 0) for q in range(queries)]
    )
    problem = Problem(collection, np.tile(ranking, (queries, 1)))
    chosen = run(problem, NaiveTopK(), MiningConfig(num_negatives=1, selection="sampled", sample_from=4)).negatives
    weights = np.exp(ranking[1:5].astype(np.float64))
    share = np.bincount(chosen.document[:, 0], minlength=6) / queries
    assert share[1:5] == pytest.approx(weights / weights.sum(), abs=0.02)
    assert share[5] == 0, "beyond sample_from"
    two = run(problem, NaiveTopK(), MiningConfig(num_negatives=2, selection="top1_sampled", sample_from=4)).negatives
    assert (two.document[:, 0] == 1).all()
    rest = np.bincount(two.document[:, 1], minlength=6) / queries
    assert rest[2:5] == pytest.approx(weights[1:] / weights[1:].sum(), abs=0.02)


def test_backfill_adds_unranked_documents_after_the_survivors() -> None:
    problem = made(5)
    mining = MiningConfig(shortfall="backfill", depth=40)
    filled = run(problem, TopKPercPos(threshold=0.1), mining)
    fewer = run(problem, TopKPercPos(threshold=0.1), mining.model_copy(update={"shortfall": "fewer"}))
    naive = run(problem, NaiveTopK(), mining)
    assert rows_of(filled) == rows_of(naive)
    assert filled.facts.short_rows == fewer.facts.short_rows > 0
    by_row = dict(
        zip(zip(filled.negatives.query, filled.negatives.positive, strict=True), filled.negatives.document, strict=True)
    )
    for query, positive, documents in zip(
        fewer.negatives.query, fewer.negatives.positive, fewer.negatives.document, strict=True
    ):
        survivors = documents[documents != NO_DOCUMENT]
        assert by_row[query, positive][: len(survivors)].tolist() == survivors.tolist()


def test_common_rows_are_those_that_every_listed_miner_keeps() -> None:
    problem = made(6)
    mining = MiningConfig(depth=20, positive_within=12)
    other = Problem(problem.collection, np.random.default_rng(9).permuted(problem.scores, axis=1))
    depth = fetch_depth(problem.collection, mining=mining)
    listed: tuple[tuple[Candidates, CommonWith], ...] = (
        (problem.candidates(depth), listed_miner(TopKPercPos(threshold=0.5))),
        (other.candidates(depth), listed_miner(TopKShifted(shift=3))),
    )
    own = rows_of(run(problem, TopKAbs(threshold=0.3), mining))
    wanted = (
        own
        & rows_of(run(problem, TopKPercPos(threshold=0.5), mining))
        & rows_of(run(other, TopKShifted(shift=3), mining))
    )
    restricted = run(problem, TopKAbs(threshold=0.3), mining, others=listed)
    assert rows_of(restricted) == wanted
    assert 0 < len(wanted) < len(own)
    assert restricted.facts.not_common == len(own) - len(wanted)


def test_an_arm_that_knows_every_positive_can_train_on_the_rows_of_one_that_knows_none() -> None:
    problem, depth = made(3), 20
    miner = TopKPercPos(threshold=0.5)
    blind, knowing = MiningConfig(depth=depth), MiningConfig(depth=depth, reveal=1.0)
    candidates = problem.candidates_for(beir(positives="one"), blind)
    kept_blind, kept_knowing = (rows_of(run(problem, miner, mining)) for mining in (blind, knowing))
    assert kept_blind != kept_knowing
    naive = rows_of(run(problem, NaiveTopK(), knowing))
    for reveal, wanted in ((0.0, kept_blind), (1.0, kept_knowing), (None, kept_knowing)):
        restricted = run(problem, NaiveTopK(), knowing, others=((candidates, listed_miner(miner, reveal=reveal)),))
        assert rows_of(restricted) == wanted & naive
        assert not restricted.negatives.known_false.any()


@pytest.mark.parametrize(("own_reveal", "reveal"), [(1.0, 0.0), (0.0, 1.0), (1.0, None), (0.5, 0.5)])
def test_a_listed_miner_has_its_own_teacher_and_its_own_knowledge(own_reveal: float, reveal: float | None) -> None:
    problem, data = made(11), beir(positives="one")
    other = Problem(problem.collection, np.random.default_rng(4).permuted(problem.scores, axis=1))
    mining = MiningConfig(depth=20, reveal=own_reveal)
    knows = own_reveal if reveal is None else reveal
    alone = rows_of(run(other, TopKPercPos(threshold=0.5), mining.model_copy(update={"reveal": knows})))
    own = rows_of(run(problem, TopKAbs(threshold=0.3), mining))
    listed = ((other.candidates_for(data, mining), listed_miner(TopKPercPos(threshold=0.5), reveal=reveal)),)
    restricted = run(problem, TopKAbs(threshold=0.3), mining, others=listed)
    assert rows_of(restricted) == own & alone
    assert 0 < len(own & alone) < min(len(own), len(alone))
    wrong = rows_of(run(other, TopKPercPos(threshold=0.5), mining.model_copy(update={"reveal": 1.0 - knows})))
    assert knows == 0.5 or alone != wrong


OWN = MiningConfig(num_negatives=2, depth=20, positive_within=25)


@pytest.mark.parametrize(
    "settings",
    [
        {"num_negatives": 8},
        {"depth": 12},
        {"anchor": "min"},
        {"shortfall": "fewer"},
        {"positive_within": 8},
        {"positive_within": None},
        {"reveal": 0.5},
        {"reveal": 1.0, "false_negatives": "placebo"},
        {"reveal": 1.0, "false_negatives": "drop_row"},
        {"num_negatives": 5, "depth": 15, "anchor": "max", "positive_within": None, "reveal": 1.0},
    ],
    ids=str,
)
def test_a_listed_miner_keeps_the_rows_of_a_run_under_its_own_settings(settings: dict[str, Any]) -> None:
    """What a study writes for an arm of these settings (`CommonWith.of`), read by a run of others."""
    problem = made(12, documents=60, queries=150)
    strict = TopKPercPos(threshold=0.7)
    theirs = MiningConfig.model_validate({**OWN.model_dump(), **settings})
    alone = rows_of(run(problem, strict, theirs))
    assert alone != rows_of(run(problem, strict, OWN)), "the settings decide rows here"
    loose = MiningConfig(num_negatives=1, depth=20)
    listed = listed_miner(strict, **CommonWith.of(theirs, loose))
    candidates = problem.candidates_for(beir(), theirs)
    wanted = alone & rows_of(run(problem, NaiveTopK(), loose))
    assert wanted
    restricted = run(problem, NaiveTopK(), loose, others=((candidates, listed),))
    assert rows_of(restricted) == wanted


def test_every_mining_setting_either_travels_or_decides_no_row() -> None:
    assert {*MiningConfig.model_fields} == {*TRAVELS, "selection", "sample_from", "common_with"}
    assert {*CommonWith.model_fields} == {*TRAVELS, "teacher", "miner"}


def test_selection_decides_no_row() -> None:
    problem = made(14)
    for shortfall in ("drop", "fewer", "backfill"):
        kept = [
            rows_of(run(problem, TopKPercPos(threshold=0.3), MiningConfig.model_validate(settings)))
            for settings in (
                {"shortfall": shortfall, "selection": "top"},
                {"shortfall": shortfall, "selection": "sampled", "sample_from": 5},
                {"shortfall": shortfall, "selection": "top1_sampled"},
            )
        ]
        assert kept[0] == kept[1] == kept[2]


def test_no_common_row_is_an_error() -> None:
    problem = made(7)
    mining = MiningConfig(depth=20)
    candidates = problem.candidates_for(beir(), mining)
    with pytest.raises(UserError, match="common_with"):
        run(problem, NaiveTopK(), mining, others=((candidates, listed_miner(TopKAbs(threshold=-5.0))),))


def test_the_depth_fetched_is_enough_for_every_reveal_and_both_positives() -> None:
    for seed in range(20):
        problem = made(seed, documents=200, queries=20)
        for positives in ("one", "all"):
            for reveal in (0.0, 1.0):
                mined = run(problem, NaiveTopK(), MiningConfig(depth=40, reveal=reveal), positives=positives)
                looked = np.isin(mined.reasons, (SURVIVOR, CHOSEN)).sum(axis=1)
                assert (looked == 40).all()


def test_candidates_that_stop_too_early_are_refused() -> None:
    problem = made(8, documents=100)
    with pytest.raises(ValueError, match="fetch deeper"):
        mine(
            collection=problem.collection,
            data=beir(),
            candidates=problem.candidates(40),
            miner=NaiveTopK(),
            mining=MiningConfig(depth=40),
            seed=0,
        )


def test_chunks_do_not_change_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = made(9)
    mining = MiningConfig(depth=30, selection="sampled", shortfall="backfill")
    whole = run(problem, TopKPercPos(threshold=0.6), mining)
    monkeypatch.setattr("experiments.miners.chunks.CHUNK_CELLS", 150)
    parts = run(problem, TopKPercPos(threshold=0.6), mining)
    np.testing.assert_array_equal(whole.negatives.document, parts.negatives.document)
    np.testing.assert_array_equal(whole.reasons, parts.reasons)
    assert whole.facts == parts.facts


@pytest.mark.parametrize("miner", [NaiveTopK(), RandomMiner(), TopKPercPos()], ids=lambda miner: miner.kind)
@pytest.mark.parametrize("shortfall", ["drop", "fewer", "backfill"])
@pytest.mark.parametrize(
    ("judged", "minable"), [([], None), ([(0, 0)], [True, False]), ([(0, 0)], [False, False])], ids=str
)
def test_nothing_to_mine_is_no_row(
    miner: MinerConfig, shortfall: str, judged: list[tuple[int, int]], minable: list[bool] | None
) -> None:
    problem = Problem(collection_of(["a", "b"], ["q"], judged, minable), np.array([[1.0, 0.5]], dtype=np.float32))
    mined = run(problem, miner, MiningConfig.model_validate({"shortfall": shortfall}))
    assert (mined.facts.rows, len(mined.negatives), mined.facts.mined) == (len(judged), 0, 0)
    assert mined.facts.mean_rank is mined.facts.mean_gap is None

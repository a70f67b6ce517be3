"""Placebos: worked by hand, fair coins, and candidates enough whatever the depth of the search."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.config import MinerConfig, MiningConfig, NaiveTopK, TopKAbs, TopKPercPos
from experiments.ir import NO_DOCUMENT
from experiments.miners import depth as depths
from experiments.miners.mine import Mined, mine
from experiments.miners.placebo import match
from experiments.miners.reasons import CHOSEN, PLACEBO, REVEALED, SURVIVOR
from tests.miners.problems import Problem, beir, collection_of, random_problem


def mined_by(problem: Problem, miner: MinerConfig, mining: MiningConfig, *, seed: int = 0) -> Mined:
    data = beir(positives="one")
    candidates = problem.candidates_for(data, mining)
    return mine(collection=problem.collection, data=data, candidates=candidates, miner=miner, mining=mining, seed=seed)


def placebo(**mining: object) -> MiningConfig:
    return MiningConfig.model_validate({"reveal": 1.0, "false_negatives": "placebo", "num_negatives": 2, **mining})


def in_a_line(judged: list[int], *, documents: int = 10, queries: int = 1) -> Problem:
    """Documents in the order of their scores; every query is answered by the same ones."""
    answers = [(q, d) for q in range(queries) for d in judged]
    collection = collection_of([f"d{i}" for i in range(documents)], [f"q{i}" for i in range(queries)], answers)
    ranking = -np.arange(documents, dtype=np.float32) / 16
    return Problem(collection, np.tile(ranking, (queries, 1)))


def test_the_nearest_by_hand() -> None:
    """Ranks 1 to 8; 2, 3 and 6 are wanted, 7 may not be taken."""
    rank = np.arange(1, 9, dtype=np.int32)[None]
    wanted = np.array([[1, 2, 5, -1]])
    free = np.isin(rank, (1, 4, 5, 8))
    for first in (True, False):
        better = np.array([[first, False, False, False]])
        # 2 takes 1 (4 is farther); 3 takes 4; 6 takes 5, and no coin is asked
        assert match(rank, wanted, free=free, better=better).tolist() == [[0, 3, 4, -1]]
    # 3 lies between 2 and 4: the coin decides; the next one, 5, then takes 4 or, if it is gone, 7
    free = np.isin(rank, (2, 4, 7))
    for first, taken in ((True, [1, 3]), (False, [3, 6])):
        better = np.array([[first, True]])
        assert match(rank, np.array([[2, 4]]), free=free, better=better).tolist() == [taken]
    assert match(rank, np.array([[2, 4]]), free=rank == 8, better=np.ones((1, 2), dtype=np.bool_)).tolist() == [[7, -1]]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 14), st.integers(0, 8), st.integers(0, 14))
def test_match_agrees_with_plain_loops(seed: int, width: int, wanted_share: int, free_share: int) -> None:
    rng = np.random.default_rng(seed)
    role = rng.choice(3, size=(5, width), p=np.array([wanted_share, free_share, 3]) / (wanted_share + free_share + 3))
    rank = np.tile(np.arange(1, width + 1, dtype=np.int32), (5, 1))
    wanted = np.full((5, width), -1)
    for row in range(5):
        columns = np.flatnonzero(role[row] == 0)
        wanted[row, : len(columns)] = columns
    better = rng.random((5, width)) < 0.5
    found = match(rank, wanted, free=role == 1, better=better)
    for row in range(5):
        free = set(np.flatnonzero(role[row] == 1).tolist())
        for slot, column in enumerate(wanted[row].tolist()):
            if column < 0 or not free:
                assert found[row, slot] == -1
                continue
            sign = 1 if better[row, slot] else -1
            nearest = min(free, key=lambda other: (abs(other - column), sign * (other - column)))
            assert found[row, slot] == nearest
            free.remove(nearest)


def test_the_false_negatives_stay_and_a_neighbour_of_each_goes() -> None:
    problem = in_a_line([2, 9], queries=20)
    mined = mined_by(problem, NaiveTopK(), placebo(depth=4))
    shows_the_last = np.flatnonzero(mined.rows[:, 1] == 9)
    assert 0 < len(shows_the_last) < 20
    for row in shows_the_last:
        (gone,) = np.flatnonzero(mined.reasons[row] == PLACEBO)
        assert gone in (1, 3)
        looked = np.flatnonzero(np.isin(mined.reasons[row], (SURVIVOR, CHOSEN))).tolist()
        assert looked == [d for d in range(6) if d != gone][:4], "depth is counted afterwards"
        assert mined.negatives.document[row].tolist() == looked[:2]
    facts = mined.facts.placebo
    assert facts is not None
    # Where 2 is shown, 9 is hidden and beyond depth.
    assert (facts.matched, facts.unmatched, facts.mean_rank_distance) == (len(shows_the_last), 0, 1.0)
    _, gone_at = np.nonzero(mined.reasons == PLACEBO)
    assert facts.mean_score_difference == pytest.approx(np.mean(2 - gone_at) / 16)


def test_a_hidden_positive_beyond_depth_has_no_placebo() -> None:
    mined = mined_by(in_a_line([5, 9]), NaiveTopK(), placebo(depth=4))
    facts = mined.facts.placebo
    assert facts is not None
    assert (facts.matched, facts.unmatched, facts.mean_rank_distance) == (0, 0, None)
    assert not (mined.reasons == PLACEBO).any()


def test_what_cannot_be_matched_is_counted() -> None:
    mined = mined_by(in_a_line([0, 1, 2, 4], documents=5), NaiveTopK(), placebo(num_negatives=1))
    facts = mined.facts.placebo
    assert facts is not None
    assert (facts.matched, facts.unmatched) == (1, 2)
    assert mined.negatives.known_false.all(), "nothing else is left"


def test_coins_are_fair_and_belong_to_the_query_and_the_document() -> None:
    problem = in_a_line([4, 9], queries=4000)
    mined = mined_by(problem, NaiveTopK(), placebo())
    row, column = np.nonzero(mined.reasons == PLACEBO)
    taken = column[mined.rows[row, 1] == 9]
    assert set(taken.tolist()) == {3, 5}
    assert np.mean(taken == 3) == pytest.approx(0.5, abs=0.05)
    deeper = mined_by(problem, NaiveTopK(), placebo(depth=6))
    np.testing.assert_array_equal((deeper.reasons == PLACEBO)[:, :6], (mined.reasons == PLACEBO)[:, :6])


@pytest.mark.parametrize("seed", range(6))
def test_the_depth_fetched_is_enough(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(depths, "STEP", 1)
    rng = np.random.default_rng(seed)
    problem = random_problem(rng, documents=200, queries=60, positives=40, twins=True)
    for depth in (3, 12):
        mining = placebo(depth=depth, num_negatives=3)
        tight = problem.candidates_for(beir(), mining)
        assert tight.document.shape[1] < 200
        one, other = (
            mine(
                collection=problem.collection,
                data=beir(positives="one"),
                candidates=candidates,
                miner=NaiveTopK(),
                mining=mining,
                seed=seed,
            )
            for candidates in (tight, problem.candidates(200))
        )
        assert one.facts == other.facts
        assert one.facts.placebo is not None
        assert one.facts.placebo.matched > 10
        assert one.facts.placebo.unmatched == 0
        np.testing.assert_array_equal(one.negatives.document, other.negatives.document)


def test_as_many_are_taken_out_and_none_of_them_answers() -> None:
    problem = random_problem(np.random.default_rng(5), documents=300, queries=60, positives=6, twins=True)
    mining = placebo(depth=300, num_negatives=4)
    removed = mined_by(problem, NaiveTopK(), mining.model_copy(update={"false_negatives": "remove"}))
    mined = mined_by(problem, NaiveTopK(), mining)
    per_row = np.count_nonzero(removed.reasons == REVEALED, axis=1)
    np.testing.assert_array_equal(np.count_nonzero(mined.reasons == PLACEBO, axis=1), per_row)
    assert per_row.sum() > 100
    assert (mined.facts.hidden, mined.facts.hidden_copies) == (removed.facts.hidden, removed.facts.hidden_copies)
    assert removed.facts.known_false == 0 < mined.facts.known_false


def test_a_positive_that_stays_hidden_is_no_placebo() -> None:
    """Twelve answers stand side by side, and half of them are revealed: each placebo lies outside."""
    problem = in_a_line(list(range(10, 22)), documents=60, queries=30)
    mined = mined_by(problem, NaiveTopK(), placebo(reveal=0.5, depth=40))
    row, column = np.nonzero(mined.reasons == PLACEBO)
    assert len(row) > 100
    # In a line, a candidate's column is its document.
    assert not ((column >= 10) & (column < 22)).any()


def test_chunks_do_not_change_placebos(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = random_problem(np.random.default_rng(9), documents=60, queries=60, positives=6, twins=True)
    whole = mined_by(problem, TopKPercPos(threshold=0.6), placebo(depth=30))
    monkeypatch.setattr("experiments.miners.chunks.CHUNK_CELLS", 150)
    parts = mined_by(problem, TopKPercPos(threshold=0.6), placebo(depth=30))
    np.testing.assert_array_equal(whole.reasons, parts.reasons)
    assert whole.facts == parts.facts


def test_a_placebo_is_not_drawn_at_random_either() -> None:
    """What is taken out of a row fills no gap in it; a revealed positive may. Nothing survives this bar."""
    problem = in_a_line([1, 9], queries=200)
    filled = mined_by(problem, TopKAbs(threshold=-1.0), placebo(shortfall="backfill", num_negatives=6))
    drawn = filled.negatives.document
    assert (drawn != NO_DOCUMENT).all()
    assert (filled.reasons == PLACEBO).any()
    for documents, at in zip(drawn, filled.row, strict=True):
        # In a line, a candidate's column is its document.
        assert not set(np.flatnonzero(filled.reasons[at] == PLACEBO).tolist()) & set(documents.tolist())
    assert (filled.negatives.rank == 0).all()
    assert filled.negatives.known_false.any()

"""drop_row and relabel: what becomes of the known false negatives, judged by runs that know none and by plain loops."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.config import MinerConfig, MiningConfig, NaiveTopK, RandomMiner, TopKAbs, TopKPercPos, TopKShifted
from experiments.miners.mine import Mined, mine
from experiments.miners.reasons import REVEALED
from tests.miners.problems import Problem, beir, collection_of, random_problem
from tests.miners.reference import expected_row, same
from tests.miners.test_reference import check_row, revealed_pairs

Row = tuple[int, int]

miners: st.SearchStrategy[MinerConfig] = st.sampled_from(
    [NaiveTopK(), TopKShifted(shift=1), TopKAbs(threshold=0.5), TopKPercPos(threshold=0.95), TopKPercPos(threshold=1.5)]
)
minings = st.builds(
    MiningConfig,
    reveal=st.sampled_from([0.5, 1.0]),
    num_negatives=st.integers(1, 3),
    depth=st.integers(4, 14),
    anchor=st.sampled_from(["own", "min", "max"]),
    selection=st.sampled_from(["top", "sampled"]),
    shortfall=st.sampled_from(["drop", "fewer", "backfill"]),
    positive_within=st.one_of(st.none(), st.integers(1, 15)),
)


def run(problem: Problem, miner: MinerConfig, mining: MiningConfig, seed: int, **changes: object) -> Mined:
    settings = MiningConfig.model_validate(mining.model_dump() | changes)
    candidates = problem.candidates_for(beir(), settings)
    return mine(
        collection=problem.collection, data=beir(), candidates=candidates, miner=miner, mining=settings, seed=seed
    )


def made(seed: int) -> Problem:
    return random_problem(np.random.default_rng(seed), documents=22, queries=8, positives=5, twins=True)


def negatives_of(mined: Mined) -> dict[Row, list[tuple[int, int]]]:
    """Row -> its negatives as (document, raw rank)."""
    found = mined.negatives
    pairs = zip(found.document.tolist(), found.rank.tolist(), strict=True)
    return {
        row: list(zip(documents, ranks, strict=True))
        for row, (documents, ranks) in zip(
            zip(found.query.tolist(), found.positive.tolist(), strict=True), pairs, strict=True
        )
    }


def text_of(problem: Problem, query: int) -> str:
    return same(problem.collection.splits["train"].queries.texts[query])


@settings(max_examples=80, deadline=None)
@given(seed=st.integers(0, 10**6), miner=st.one_of(miners, st.just(RandomMiner())), mining=minings)
def test_drop_row_keeps_the_rows_of_a_blind_run_that_hold_no_revealed_positive(
    seed: int, miner: MinerConfig, mining: MiningConfig
) -> None:
    problem = made(seed)
    blind = negatives_of(run(problem, miner, mining, seed, reveal=0.0))
    revealed = revealed_pairs(problem, seed, mining)
    clean = {
        row: found
        for row, found in blind.items()
        if not any((text_of(problem, row[0]), document) in revealed for document, _ in found)
    }
    mined = run(problem, miner, mining, seed, false_negatives="drop_row")
    assert negatives_of(mined) == clean
    assert mined.facts.dropped_rows == len(blind) - len(clean)
    assert mined.facts.relabelled is None
    assert not (mined.reasons == REVEALED).any()
    if mining.reveal == 1:
        assert mined.facts.known_false == 0


@settings(max_examples=120, deadline=None)
@given(seed=st.integers(0, 10**6), miner=miners, mining=minings)
def test_relabel_agrees_with_plain_loops(seed: int, miner: MinerConfig, mining: MiningConfig) -> None:
    problem = made(seed)
    blind = run(problem, miner, mining, seed, reveal=0.0)
    revealed = revealed_pairs(problem, seed, mining)
    added = relabelled_rows(problem, negatives_of(blind), revealed)
    mined = run(problem, miner, mining, seed, false_negatives="relabel")
    rows = [(int(q), int(d)) for q, d in mined.rows]
    assert rows == sorted({(int(q), int(d)) for q, d in blind.rows} | set(added))
    assert mined.facts.relabelled == len(added)
    assert mined.facts.dropped_rows is None
    kept = {row: i for i, row in enumerate(negatives_of(mined))}
    for query, positive in rows:
        expected = expected_row(
            problem,
            query=query,
            positive=positive,
            shown=rows,
            revealed=revealed,
            better=lambda q, d: False,
            all_shown=False,
            miner=miner,
            mining=mining,
        )
        check_row(problem, mined.negatives, kept.get((query, positive)), expected, miner, mining)


def relabelled_rows(
    problem: Problem, chosen: dict[Row, list[tuple[int, int]]], revealed: set[tuple[str, int]]
) -> list[Row]:
    """One row a query text and passage text, in the order in which the negatives are met; what no rank found is not."""
    passages = problem.collection.corpus.passages
    found: dict[tuple[str, str], Row] = {}
    for (query, _), negatives in chosen.items():
        for document, rank in negatives:
            text = text_of(problem, query)
            if rank > 0 and (text, document) in revealed:
                found.setdefault((text, same(passages[document])), (query, document))
    return list(found.values())


def test_relabelling_worked_out_by_hand() -> None:
    """d0 is shown; naive mining chooses d1 and d2. d1 is a hidden positive, d4 one that is ranked too low for it."""
    collection = collection_of([f"d{i}" for i in range(6)], ["q"], [(0, 0), (0, 1), (0, 4)])
    scores = np.array([[0.5, 0.9, 0.8, 0.7, 0.6, 0.1]], dtype=np.float32)
    mining = MiningConfig(num_negatives=2, reveal=1.0, false_negatives="relabel")
    seed = next(s for s in range(50) if run(Problem(collection, scores), NaiveTopK(), mining, s).rows[0, 1] == 0)
    mined = run(Problem(collection, scores), NaiveTopK(), mining, seed)
    assert mined.negatives.query.tolist() == [0, 0]
    assert mined.negatives.positive.tolist() == [0, 1]
    assert mined.negatives.document.tolist() == [[2, 3], [2, 3]], "d4 is taken out, as under remove"
    np.testing.assert_array_equal(mined.negatives.anchor_score, np.float32([[0.5, 0.5], [0.9, 0.9]]))
    assert (mined.facts.rows, mined.facts.relabelled, mined.facts.known_false) == (2, 1, 0)


def test_nothing_chosen_is_nothing_relabelled() -> None:
    problem = made(4)
    strict, mining = TopKAbs(threshold=-5.0), MiningConfig(reveal=1.0, num_negatives=1)
    mined = run(problem, strict, mining, 0, false_negatives="relabel")
    assert (mined.facts.relabelled, len(mined.negatives)) == (0, 0)


@pytest.mark.parametrize("what", ["drop_row", "relabel"])
def test_chunks_do_not_change_anything(monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    problem = random_problem(np.random.default_rng(9), documents=60, queries=80, positives=6, twins=True)
    mining = MiningConfig(depth=30, reveal=0.7)
    whole = run(problem, TopKPercPos(threshold=1.2), mining, 3, false_negatives=what)
    monkeypatch.setattr("experiments.miners.chunks.CHUNK_CELLS", 150)
    parts = run(problem, TopKPercPos(threshold=1.2), mining, 3, false_negatives=what)
    np.testing.assert_array_equal(whole.negatives.document, parts.negatives.document)
    assert whole.facts == parts.facts
    assert (whole.facts.relabelled or whole.facts.dropped_rows or 0) > 5

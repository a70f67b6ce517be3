"""The miners against plain loops written from their description, on random small problems with ties and repeats."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.config import (
    MinerConfig,
    MiningConfig,
    NaiveTopK,
    RandomMiner,
    TopKAbs,
    TopKMarginPos,
    TopKPercPos,
    TopKShifted,
)
from experiments.identity import derive_seed
from experiments.ir import NO_DOCUMENT, NO_TEACHER, Negatives
from experiments.miners.draws import uniform
from experiments.miners.mine import Mined, mine
from experiments.miners.reasons import PLACEBO
from experiments.records.mining import PlaceboFacts
from tests.miners.problems import Problem, beir, random_problem
from tests.miners.reference import Expected, expected_row, originals, same

sixteenths = st.integers(-16, 20).map(lambda i: i / 16)
miners: st.SearchStrategy[MinerConfig] = st.one_of(
    st.just(NaiveTopK()),
    st.just(RandomMiner()),
    st.integers(0, 6).map(lambda n: TopKShifted(shift=n)),
    sixteenths.map(lambda t: TopKAbs(threshold=t)),
    st.integers(0, 16).map(lambda i: TopKMarginPos(threshold=i / 16)),
    st.sampled_from([0.0, 0.5, 0.75, 0.95, 1.0, 1.05, 1.5]).map(lambda t: TopKPercPos(threshold=t)),
)
knowledge = st.sampled_from([(0.0, "remove"), (0.5, "remove"), (1.0, "remove"), (0.5, "placebo"), (1.0, "placebo")])
minings = st.builds(
    lambda known, **settings: MiningConfig(reveal=known[0], false_negatives=known[1], **settings),
    known=knowledge,
    num_negatives=st.integers(1, 4),
    depth=st.integers(4, 14),
    anchor=st.sampled_from(["own", "min", "max"]),
    selection=st.sampled_from(["top", "sampled", "top1_sampled"]),
    sample_from=st.integers(4, 6),
    shortfall=st.sampled_from(["drop", "fewer", "backfill"]),
    positive_within=st.one_of(st.none(), st.integers(1, 15)),
)


@settings(max_examples=150, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    miner=miners,
    mining=minings,
    positives=st.sampled_from(["all", "one"]),
    documents=st.integers(3, 24),
)
def test_agrees_with_plain_loops(
    seed: int, miner: MinerConfig, mining: MiningConfig, positives: str, documents: int
) -> None:
    rng = np.random.default_rng(seed)
    problem = random_problem(rng, documents=documents, queries=8, positives=3, twins=True)
    data = beir(positives=positives)
    candidates = problem.candidates_for(data, mining)
    mined = mine(collection=problem.collection, data=data, candidates=candidates, miner=miner, mining=mining, seed=seed)
    shown = [(int(q), int(d)) for q, d in mined.rows]
    check_shown(problem, mined, shown, positives, mining)
    revealed = revealed_pairs(problem, seed, mining)
    kept = {
        (int(q), int(d)): i
        for i, (q, d) in enumerate(zip(mined.negatives.query, mined.negatives.positive, strict=True))
    }
    expectations = []
    for query, positive in shown:
        expected = expected_row(
            problem,
            query=query,
            positive=positive,
            shown=shown,
            revealed=revealed,
            better=lambda q, d: bool(uniform(derive_seed(seed, "placebo"), np.array([q]), np.array([d]))[0] < 0.5),
            all_shown=positives == "all",
            miner=miner,
            mining=mining,
        )
        check_row(problem, mined.negatives, kept.get((query, positive)), expected, miner, mining)
        expectations.append(expected)
    check_counts(problem, mined, expectations)
    check_placebos(problem, mined, expectations, mining)
    assert mined.facts.rows == len(shown)
    assert mined.facts.kept == len(kept) == len(mined.negatives)


def check_shown(
    problem: Problem, mined: Mined, shown: list[tuple[int, int]], positives: str, mining: MiningConfig
) -> None:
    qrels = problem.collection.splits["train"].qrels
    ranking_within = mining.positive_within or 10**9
    eligible = set()
    for q, d in zip(qrels.query.tolist(), qrels.document.tolist(), strict=True):
        ahead = [
            i
            for i in range(len(problem.collection.corpus))
            if problem.collection.minable[i] and (-problem.scores[q, i], i) < (-problem.scores[q, d], d)
        ]
        if len(ahead) + 1 <= ranking_within:
            eligible.add((q, d))
    queries = {q for q, _ in eligible}
    if positives == "all":
        assert set(shown) == eligible
    else:
        assert set(shown) <= eligible
        assert sorted(q for q, _ in shown) == sorted(queries)
    assert len(shown) == len(set(shown))
    assert shown == sorted(shown)
    assert mined.facts.without_positive == len(problem.collection.splits["train"].queries) - len(queries)


def revealed_pairs(problem: Problem, seed: int, mining: MiningConfig) -> set[tuple[str, int]]:
    """The draw itself is taken as given; what it must satisfy is tested in test_properties."""
    texts = [same(text) for text in problem.collection.splits["train"].queries.texts]
    revealed = set()
    for text in set(texts):
        for document, original in originals(problem, text).items():
            draw = uniform(derive_seed(seed, "reveal"), np.array([texts.index(text)]), np.array([original]))
            if draw[0] < mining.reveal:
                revealed.add((text, document))
    return revealed


def check_counts(problem: Problem, mined: Mined, expectations: list[Expected]) -> None:
    questions = problem.collection.splits["train"].queries.texts
    of_row = {(row.query, row.positive): row for row in expectations}
    facts, negatives = mined.facts, mined.negatives
    hidden = {(same(questions[row.query]), d) for row in expectations for d in row.hidden}
    copies = {(same(questions[row.query]), d) for row in expectations for d in row.copies}
    assert (facts.hidden, facts.hidden_copies) == (len(hidden), len(copies))
    ranked = above = copied = 0
    for i in range(len(negatives)):
        row = of_row[int(negatives.query[i]), int(negatives.positive[i])]
        for document, rank in zip(negatives.document[i].tolist(), negatives.rank[i].tolist(), strict=True):
            ranked += rank > 0
            above += rank > 0 and problem.scores[row.query, document] > problem.scores[row.query, row.positive]
            copied += document in row.copies
    assert (facts.ranked, facts.above_positive, facts.known_false_copies) == (ranked, above, copied)
    assert facts.kept_queries == len(set(negatives.query.tolist()))


def check_placebos(problem: Problem, mined: Mined, expectations: list[Expected], mining: MiningConfig) -> None:
    if mining.false_negatives == "remove":
        assert mined.facts.placebo is None
        assert not (mined.reasons == PLACEBO).any()
        return
    pairs = [(row, *found) for row in expectations for found in row.placebos]
    ranks = [abs(there - rank) for _, _, rank, _, there in pairs if there is not None]
    scores = [
        float(problem.scores[row.query, placebo] - problem.scores[row.query, document])
        for row, document, _, placebo, _ in pairs
        if placebo is not None
    ]
    assert mined.facts.placebo == PlaceboFacts(
        matched=len(ranks),
        unmatched=len(pairs) - len(ranks),
        mean_rank_distance=float(np.mean(ranks)) if ranks else None,
        mean_score_difference=float(np.mean(scores)) if ranks else None,
    )
    assert np.count_nonzero(mined.reasons == PLACEBO) == len(ranks)


def check_row(
    problem: Problem,
    negatives: Negatives,
    row: int | None,
    expected: Expected,
    miner: MinerConfig,
    mining: MiningConfig,
) -> None:
    free = [i for i, yes in enumerate(problem.collection.minable) if yes and i not in expected.excluded]
    survivors = [] if miner.kind == "random" else expected.survivors
    available = len(free) if miner.kind == "random" else len(survivors)
    needed = {"drop": mining.num_negatives, "fewer": 1, "backfill": 0}[mining.shortfall]
    filled = mining.shortfall != "backfill" or len(free) >= mining.num_negatives
    assert (row is not None) == (available >= needed and filled)
    if row is None:
        return
    slots = list(zip(negatives.document[row].tolist(), negatives.rank[row].tolist(), strict=True))
    ranked = [(rank, document) for document, rank in slots if rank > 0]
    unranked = [document for document, rank in slots if rank == 0 and document != NO_DOCUMENT]
    padding = [document for document, _ in slots if document == NO_DOCUMENT]
    assert slots == [(d, r) for r, d in ranked] + [(d, 0) for d in unranked + padding]
    check_ranked(ranked, survivors, mining)
    chosen = [d for _, d in ranked] + unranked
    assert len(set(chosen)) == len(chosen)
    assert set(chosen) <= set(free)
    if miner.kind == "random" or mining.shortfall == "backfill":
        assert len(chosen) == min(mining.num_negatives, len(free))
    else:
        assert not unranked
    check_numbers(problem, negatives, row, expected, random=miner.kind == "random")


def check_ranked(ranked: list[tuple[int, int]], survivors: list[tuple[int, int]], mining: MiningConfig) -> None:
    assert len(ranked) == min(mining.num_negatives, len(survivors))
    if mining.selection == "top":
        assert ranked == survivors[: mining.num_negatives]
        return
    assert ranked == sorted(ranked)
    assert set(ranked) <= set(survivors[: mining.sample_from])
    if mining.selection == "top1_sampled":
        assert ranked[:1] == survivors[:1]


def check_numbers(problem: Problem, negatives: Negatives, row: int, expected: Expected, *, random: bool) -> None:
    assert (negatives.positive_score[row] == problem.scores[expected.query, expected.positive]).all()
    bar = np.nan if expected.bar is None or random else expected.bar
    for slot, document in enumerate(negatives.document[row]):
        ranked, score = negatives.rank[row, slot] > 0, negatives.score[row, slot]
        assert negatives.teacher[row, slot] == (0 if ranked else NO_TEACHER)
        np.testing.assert_equal(float(negatives.bar[row, slot]), bar if ranked else np.nan)
        assert np.isnan(negatives.anchor_score[row, slot]) == (not ranked)
        assert score == problem.scores[expected.query, document] if ranked else np.isnan(score)
        assert negatives.known_false[row, slot] == (int(document) in expected.hidden)

"""Ensembles against plain loops, row by row and member by member; what a member gives is what it gives alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.config import (
    BeirData,
    Bm25Teacher,
    CommonWith,
    EnsembleTeacher,
    MinerConfig,
    MiningConfig,
    NaiveTopK,
    RandomMiner,
    TopKAbs,
    TopKMarginPos,
    TopKPercPos,
    TopKQuantile,
    TopKShifted,
)
from experiments.identity import derive_seed
from experiments.ir import NO_DOCUMENT, NO_TEACHER
from experiments.miners.draws import uniform
from experiments.miners.ensemble import Ensemble, best_columns
from experiments.miners.member_facts import jaccard
from experiments.miners.mine import Mined, mine
from experiments.miners.reasons import CHOSEN, REASONS
from tests.miners.problems import Problem, beir, random_problem
from tests.miners.reference import Expected, expected_row, same
from tests.miners.test_reference import check_shown, revealed_pairs

miners: st.SearchStrategy[MinerConfig] = st.one_of(
    st.just(NaiveTopK()),
    st.integers(0, 4).map(lambda n: TopKShifted(shift=n)),
    st.integers(-16, 20).map(lambda i: TopKAbs(threshold=i / 16)),
    st.integers(0, 8).map(lambda i: TopKMarginPos(threshold=i / 16)),
    st.sampled_from([0.5, 0.95, 1.05, 1.5]).map(lambda t: TopKPercPos(threshold=t)),
)
minings = st.builds(
    MiningConfig,
    num_negatives=st.integers(1, 4),
    depth=st.integers(4, 14),
    anchor=st.sampled_from(["own", "min", "max"]),
    shortfall=st.sampled_from(["drop", "fewer", "backfill"]),
    positive_within=st.one_of(st.none(), st.integers(1, 15)),
    reveal=st.sampled_from([0.0, 0.5, 1.0]),
)


def problems(seed: int, members: int, documents: int = 18) -> list[Problem]:
    """The same collection under several teachers, whose best documents often agree."""
    rng = np.random.default_rng(seed)
    first = random_problem(rng, documents=documents, queries=7, positives=3, twins=True)
    noise = [rng.integers(-24, 25, size=first.scores.shape).astype(np.float32) / 64 for _ in range(members)]
    return [replace(first, scores=first.scores + part) for part in noise]


def ensemble(combine: str, members: list[Problem], mining: MiningConfig, data: BeirData, **options: bool) -> Ensemble:
    config = EnsembleTeacher.model_validate(
        {"members": [Bm25Teacher(k1=1.0 + m) for m in range(len(members))], "combine": combine, **options}
    )
    return Ensemble(tuple(one.candidates_for(data, mining) for one in members), config)


def run(members: list[Problem], ranked: Ensemble, data: BeirData, miner: MinerConfig, mining: MiningConfig) -> Mined:
    return mine(collection=members[0].collection, data=data, candidates=ranked, miner=miner, mining=mining, seed=3)


def expectations(
    members: list[Problem], mined: Mined, data: BeirData, miner: MinerConfig, mining: MiningConfig
) -> list[list[Expected]]:
    """For each row, what each member would do with it."""
    shown = [(int(q), int(d)) for q, d in mined.rows]
    check_shown(members[0], mined, shown, data.positives, mining)
    revealed = revealed_pairs(members[0], 3, mining)
    return [
        [
            expected_row(
                one,
                query=q,
                positive=d,
                shown=shown,
                revealed=revealed,
                better=lambda _q, _d: False,
                all_shown=data.positives == "all",
                miner=miner,
                mining=mining,
            )
            for one in members
        ]
        for q, d in shown
    ]


def check_given(mined: Mined, members: list[Problem], at: int, slot: int, expected: Expected, place: int) -> None:
    """The negative at (at, slot) is the `place`-th survivor of its member, under that member's own numbers."""
    negatives = mined.negatives
    rank, document = expected.survivors[place]
    scores = members[negatives.teacher[at, slot]].scores[expected.query]
    assert (negatives.document[at, slot], negatives.rank[at, slot]) == (document, rank)
    assert negatives.score[at, slot] == scores[document]
    assert negatives.positive_score[at, slot] == scores[expected.positive]
    np.testing.assert_equal(negatives.bar[at, slot], np.float32(np.nan if expected.bar is None else expected.bar))
    assert mined.reason(at, slot) == REASONS[CHOSEN]


def check_filled(mined: Mined, at: int, slots: range, expected: Expected, shortfall: str) -> None:
    """What no member gave: nothing, or random documents that are neither excluded nor there already."""
    negatives, width = mined.negatives, mined.negatives.document.shape[1]
    for slot in slots:
        document = int(negatives.document[at, slot])
        assert (document != NO_DOCUMENT) == (shortfall == "backfill")
        assert negatives.teacher[at, slot] == NO_TEACHER
        assert negatives.rank[at, slot] == 0
        assert np.isnan(negatives.score[at, slot])
        if document != NO_DOCUMENT:
            others = [int(negatives.document[at, i]) for i in range(width) if i != slot]
            assert document not in expected.excluded | set(others)


def kept_rows(mined: Mined) -> dict[int, int]:
    return {int(row): at for at, row in enumerate(mined.row)}


def must_be_kept(found: int, wanted: int, free: int, shortfall: str) -> bool:
    return {"drop": found == wanted, "fewer": found > 0, "backfill": free >= wanted}[shortfall]


@settings(max_examples=80, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    count=st.integers(2, 4),
    miner=miners,
    mining=minings,
    positives=st.sampled_from(["all", "one"]),
)
def test_cross_sample_agrees_with_plain_loops(
    seed: int, count: int, miner: MinerConfig, mining: MiningConfig, positives: str
) -> None:
    members, data = problems(seed, count), beir(positives=positives)
    mined = run(members, ensemble("cross_sample", members, mining, data), data, miner, mining)
    kept = kept_rows(mined)
    rejected = looked = 0
    for row, of_members in enumerate(expectations(members, mined, data, miner, mining)):
        q, d = (np.array([value]) for value in mined.rows[row])
        member = int(uniform(derive_seed(3, "ensemble_member"), q, d)[0] * count)
        expected = of_members[member]
        found = min(len(expected.survivors), mining.num_negatives)
        free = int(members[0].collection.minable.sum()) - len(
            [i for i in expected.excluded if members[0].collection.minable[i]]
        )
        assert (row in kept) == must_be_kept(found, mining.num_negatives, free, mining.shortfall)
        looked += min(mining.depth, free)
        rejected += min(mining.depth, free) - len(expected.survivors)
        if row in kept:
            at = kept[row]
            for slot in range(found):
                assert mined.negatives.teacher[at, slot] == member
                check_given(mined, members, at, slot, expected, slot)
            check_filled(mined, at, range(found, mining.num_negatives), expected, mining.shortfall)
    assert (mined.facts.candidates, mined.facts.rejected) == (looked, rejected)


@settings(max_examples=120, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    count=st.integers(2, 4),
    miner=miners,
    mining=minings,
    positives=st.sampled_from(["all", "one"]),
    deduplicate=st.booleans(),
)
def test_intra_sample_agrees_with_plain_loops(
    seed: int, count: int, miner: MinerConfig, mining: MiningConfig, positives: str, deduplicate: bool
) -> None:
    members, data = problems(seed, count), beir(positives=positives)
    mining = mining.model_copy(update={"num_negatives": count})
    ranked = ensemble("intra_sample", members, mining, data, deduplicate=deduplicate)
    mined = run(members, ranked, data, miner, mining)
    kept = kept_rows(mined)
    duplicates = [0] * count
    for row, of_members in enumerate(expectations(members, mined, data, miner, mining)):
        given_by: list[tuple[int, int]] = []
        taken: list[int] = []
        doubles = []
        for member, expected in enumerate(of_members):
            documents = [document for _, document in expected.survivors]
            doubles.append(bool(documents) and documents[0] in taken)
            free = [i for i, document in enumerate(documents) if not (deduplicate and document in taken)]
            if free:
                given_by.append((member, free[0]))
                taken.append(documents[free[0]])
        minable = [i for i, can in enumerate(members[0].collection.minable) if can and i not in of_members[0].excluded]
        fill = count - len(given_by) <= len([i for i in minable if i not in taken])
        shortfall = mining.shortfall
        assert (row in kept) == {"drop": len(given_by) == count, "fewer": bool(given_by), "backfill": fill}[shortfall]
        if row not in kept:
            continue
        at = kept[row]
        duplicates = [before + double for before, double in zip(duplicates, doubles, strict=True)]
        for slot, (member, place) in enumerate(given_by):
            assert mined.negatives.teacher[at, slot] == member
            check_given(mined, members, at, slot, of_members[member], place)
        check_filled(mined, at, range(len(given_by), count), of_members[0], shortfall)
    assert mined.facts.members is not None
    assert [member.duplicates for member in mined.facts.members] == duplicates


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    selection=st.sampled_from(["top", "sampled", "top1_sampled"]),
    miner=st.sampled_from([TopKQuantile(), TopKPercPos(), TopKShifted(shift=2)]),
)
def test_a_row_of_a_cross_sample_is_the_row_of_its_member_alone(seed: int, selection: str, miner: MinerConfig) -> None:
    """A quantile, too, is taken over the member's own candidates; sampling draws as it does for the member alone."""
    members, data = problems(seed, 3), beir(positives="one")
    mining = MiningConfig.model_validate(
        {"selection": selection, "num_negatives": 2, "depth": 10, "sample_from": 4, "shortfall": "fewer"}
    )
    mined = run(members, ensemble("cross_sample", members, mining, data), data, miner, mining)
    alone = [
        mine(
            collection=one.collection,
            data=data,
            candidates=one.candidates_for(data, mining),
            miner=miner,
            mining=mining,
            seed=3,
        )
        for one in members
    ]
    for at, row in enumerate(mined.row):
        member = int(mined.negatives.teacher[at, 0])
        single = alone[member].negatives
        (there,) = np.flatnonzero(alone[member].row == row)
        for name in ("document", "rank", "score", "anchor_score", "bar", "known_false"):
            np.testing.assert_array_equal(getattr(mined.negatives, name)[at], getattr(single, name)[there])
        # Where nothing was ranked the positive's score is the first teacher's.
        ranked = single.rank[there] > 0
        np.testing.assert_array_equal(mined.negatives.positive_score[at][ranked], single.positive_score[there][ranked])


def test_members_are_drawn_evenly_and_anew_for_each_seed() -> None:
    rng = np.random.default_rng(0)
    problem = random_problem(rng, documents=40, queries=900, positives=1, twins=False)
    members = [problem, replace(problem, scores=problem.scores[:, ::-1].copy()), problem]
    data, mining = beir(), MiningConfig(num_negatives=1, depth=5)
    ranked = ensemble("cross_sample", members, mining, data)
    drawn = [
        mine(
            collection=problem.collection, data=data, candidates=ranked, miner=NaiveTopK(), mining=mining, seed=seed
        ).negatives.teacher[:, 0]
        for seed in (0, 0, 1)
    ]
    np.testing.assert_array_equal(drawn[0], drawn[1])
    assert np.mean(drawn[0] == drawn[2]) == pytest.approx(1 / 3, abs=0.07)
    np.testing.assert_allclose(np.bincount(drawn[0]) / len(drawn[0]), 1 / 3, atol=0.07)


def test_a_method_that_ranks_nothing_asks_no_member() -> None:
    members, data, mining = problems(5, 2), beir(positives="one"), MiningConfig(num_negatives=3)
    mined = run(members, ensemble("intra_sample", members, mining, data), data, RandomMiner(), mining)
    alone = mine(
        collection=members[0].collection,
        data=data,
        candidates=members[0].candidates_for(data, mining),
        miner=RandomMiner(),
        mining=mining,
        seed=3,
    )
    np.testing.assert_array_equal(mined.negatives.document, alone.negatives.document)
    assert mined.facts == alone.facts


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    combine=st.sampled_from(["cross_sample", "intra_sample"]),
    shortfall=st.sampled_from(["drop", "fewer", "backfill"]),
)
def test_rows_that_hold_a_revealed_positive_are_dropped(seed: int, combine: str, shortfall: str) -> None:
    members, data = problems(seed, 2), beir(positives="one")
    mining = MiningConfig.model_validate({"num_negatives": 2, "depth": 10, "shortfall": shortfall})
    dropping = mining.model_copy(update={"reveal": 0.5, "false_negatives": "drop_row"})
    ranked = ensemble(combine, members, mining, data)
    whole, less = (run(members, ranked, data, NaiveTopK(), one) for one in (mining, dropping))
    revealed = revealed_pairs(members[0], 3, dropping)
    texts = [same(text) for text in members[0].collection.splits["train"].queries.texts]
    clean = [
        at
        for at, (query, documents) in enumerate(zip(whole.negatives.query, whole.negatives.document, strict=True))
        if not any((texts[query], int(d)) in revealed for d in documents)
    ]
    np.testing.assert_array_equal(less.row, whole.row[clean])
    np.testing.assert_array_equal(less.negatives.document, whole.negatives.document[clean])
    assert less.facts.dropped_rows == len(whole.row) - len(clean)


def test_common_rows_with_an_ensemble() -> None:
    members, data = problems(8, 2, documents=24), beir(positives="one")
    mining = MiningConfig(num_negatives=2, depth=10)
    ranked = ensemble("intra_sample", members, mining, data)
    listed = CommonWith(teacher=ranked.config, miner=TopKPercPos(threshold=0.5))
    rows = run(members, ranked, data, TopKPercPos(threshold=0.5), mining)
    restricted = mine(
        collection=members[0].collection,
        data=data,
        candidates=members[1].candidates_for(data, mining),
        miner=NaiveTopK(),
        mining=mining.model_copy(update={"common_with": (listed,)}),
        seed=3,
        others=[(ranked, listed)],
    )
    assert 0 < len(rows.row) < len(rows.rows)
    np.testing.assert_array_equal(restricted.row, rows.row)


def test_facts_of_the_members_by_hand() -> None:
    members, data = problems(11, 3, documents=30), beir(positives="one")
    mining = MiningConfig(num_negatives=3, depth=10, shortfall="fewer")
    ranked = ensemble("intra_sample", members, mining, data, deduplicate=False)
    mined = run(members, ranked, data, NaiveTopK(), mining)
    negatives, facts = mined.negatives, mined.facts
    assert facts.members is not None
    for m, found in enumerate(facts.members):
        cells = [(i, s) for i in range(len(negatives)) for s in range(3) if negatives.teacher[i, s] == m]
        gaps = [float(negatives.positive_score[c]) - float(negatives.score[c]) for c in cells]
        assert (found.negatives, found.rows) == (len(cells), len({i for i, _ in cells}))
        assert found.known_false == sum(bool(negatives.known_false[c]) for c in cells)
        assert found.above_positive == sum(gap < 0 for gap in gaps)
        assert found.mean_gap == pytest.approx(np.mean(gaps))
        assert found.mean_rank == pytest.approx(np.mean([negatives.rank[c] for c in cells]))
    assert sum(member.duplicates for member in facts.members) > 0
    assert facts.mean_gap is None
    assert set(facts.histograms) == {"rank"}
    assert facts.overlap is not None
    assert [(one.first, one.second) for one in facts.overlap] == [(0, 1), (0, 2), (1, 2)]


documents_of_members = st.integers(2, 4).flatmap(
    lambda members: st.lists(
        st.lists(
            st.lists(st.integers(0, 5), unique=True, max_size=members).map(
                lambda row: row + [NO_DOCUMENT] * (members - len(row))
            ),
            min_size=5,
            max_size=5,
        ),
        min_size=members,
        max_size=members,
    )
)


@given(offered=documents_of_members, deduplicate=st.booleans())
def test_best_columns_are_first_unique_survivors(offered: list[list[list[int]]], deduplicate: bool) -> None:
    columns = best_columns([np.array(one, dtype=np.int32) for one in offered], deduplicate=deduplicate)
    for row in range(5):
        taken: set[int] = set()
        for m, of_member in enumerate(offered):
            allowed = [i for i, d in enumerate(of_member[row]) if d != NO_DOCUMENT and not (deduplicate and d in taken)]
            assert columns[row, m] == (allowed[0] if allowed else -1)
            taken |= {of_member[row][i] for i in allowed[:1]}


@given(
    rows=st.lists(
        st.tuples(
            st.lists(st.integers(0, 6), unique=True, max_size=4), st.lists(st.integers(0, 6), unique=True, max_size=4)
        ),
        max_size=6,
    )
)
def test_jaccard_is_that_of_sets(rows: list[tuple[list[int], list[int]]]) -> None:
    def padded(lists: list[list[int]]) -> np.ndarray:
        return np.array([one + [NO_DOCUMENT] * (4 - len(one)) for one in lists], dtype=np.int32).reshape(-1, 4)

    shares = [len(set(a) & set(b)) / len(set(a) | set(b)) for a, b in rows if a or b]
    found = jaccard(padded([a for a, _ in rows]), padded([b for _, b in rows]))
    assert found == (pytest.approx(np.mean(shares)) if shares else None)

"""Three queries, eight documents, worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from experiments.config import MinerConfig, MiningConfig, NaiveTopK, TopKAbs, TopKMarginPos, TopKPercPos, TopKShifted
from experiments.miners.mine import Mined, mine
from experiments.miners.reasons import REASONS
from tests.miners.problems import Problem, beir, collection_of

DOCUMENTS = ["paris", "lyon", "Paris ", "rome", "milan", "capital?", "oslo", "bergen"]
QUERIES = ["Capital?", "north?", "south?"]
JUDGED = [(0, 0), (1, 6), (1, 7), (2, 3)]
SCORES = [
    #  paris  lyon  Paris_  rome  milan capital? oslo bergen
    [0.80, 0.75, 0.95, 0.76, 0.20, 0.99, 0.75, 0.10],
    [0.10, 0.30, 0.10, 0.50, 0.55, 0.20, 0.90, 0.50],
    [-0.30, -0.20, -0.30, -0.10, -0.05, -0.90, -0.104, -0.60],
]
# After the exclusions, best first:
#  Capital? / paris .80:   rome .76, lyon .75, oslo .75 (corpus order), milan .20, bergen .10  (not Paris_, capital?)
#  north? / oslo .90 and bergen .50:  milan .55, rome .50, lyon .30, capital? .20, paris .10, Paris_ .10
#  south? / rome -.10:     milan -.05, oslo -.104, lyon -.20, paris -.30, Paris_ -.30, bergen -.60, capital? -.90


def mined_by(miner: MinerConfig, **mining: object) -> Mined:
    problem = Problem(collection_of(DOCUMENTS, QUERIES, JUDGED), np.array(SCORES, dtype=np.float32))
    config = MiningConfig.model_validate({"num_negatives": 2, **mining})
    data = beir(positives="all")
    candidates = problem.candidates_for(data, config)
    return mine(collection=problem.collection, data=data, candidates=candidates, miner=miner, mining=config, seed=0)


def names(mined: Mined) -> dict[tuple[str, str], list[str]]:
    negatives = mined.negatives
    return {
        (QUERIES[q], DOCUMENTS[p]): [DOCUMENTS[d] for d in documents]
        for q, p, documents in zip(negatives.query, negatives.positive, negatives.document, strict=True)
    }


CASES: list[tuple[MinerConfig, list[list[str] | None]]] = [
    (NaiveTopK(), [["rome", "lyon"], ["milan", "rome"], ["milan", "rome"], ["milan", "oslo"]]),
    (TopKShifted(shift=1), [["lyon", "oslo"], ["rome", "lyon"], ["rome", "lyon"], ["oslo", "lyon"]]),
    # .70: all three of Capital?'s best are above; south? loses nothing
    (TopKAbs(threshold=0.7), [["milan", "bergen"], ["milan", "rome"], ["milan", "rome"], ["milan", "oslo"]]),
    # bars .75 (lyon and oslo are at it), .85, .45, -.15
    (TopKMarginPos(threshold=0.05), [["milan", "bergen"], ["milan", "rome"], ["lyon", "capital?"], ["lyon", "paris"]]),
    # bars .76 (rome is at it), .855, .475, -.105 (below -.10, so oslo at -.104 is above it)
    (TopKPercPos(threshold=0.95), [["lyon", "oslo"], ["milan", "rome"], ["lyon", "capital?"], ["lyon", "paris"]]),
    # bar .20 (milan is at it), so Capital?'s row has bergen alone and is dropped; .225, .125, -.175
    (TopKPercPos(threshold=0.25), [None, ["capital?", "paris"], ["paris", "Paris "], ["lyon", "paris"]]),
]
ROWS = [("Capital?", "paris"), ("north?", "oslo"), ("north?", "bergen"), ("south?", "rome")]


@pytest.mark.parametrize(("miner", "expected"), CASES, ids=lambda value: getattr(value, "kind", ""))
def test_negatives(miner: MinerConfig, expected: list[list[str] | None]) -> None:
    assert names(mined_by(miner)) == {row: want for row, want in zip(ROWS, expected, strict=True) if want is not None}


def test_anchor_min_and_max_of_a_query_with_two_positives() -> None:
    low = names(mined_by(TopKPercPos(threshold=0.95), anchor="min"))
    high = names(mined_by(TopKPercPos(threshold=0.95), anchor="max"))
    assert low["north?", "oslo"] == low["north?", "bergen"] == ["lyon", "capital?"]
    assert high["north?", "oslo"] == high["north?", "bergen"] == ["milan", "rome"]


def test_reasons_ranks_and_facts() -> None:
    mined = mined_by(TopKPercPos(threshold=0.95), depth=4)
    assert [REASONS[code] for code in mined.reasons[0]][:8] == [
        "text of the query",
        "text of a shown positive",
        "shown positive",
        "at or above the bar",
        "chosen",
        "chosen",
        "survivor",
        "beyond depth",
    ]
    assert mined.negatives.rank[0].tolist() == [5, 6]
    assert mined.negatives.bar[0].tolist() == [np.float32(0.76)] * 2
    assert mined.negatives.teacher[0].tolist() == [0, 0]
    facts = mined.facts
    assert (facts.queries, facts.rows, facts.kept, facts.short_rows, facts.candidates) == (3, 4, 4, 0, 16)
    # rome; none; milan and rome; milan and oslo
    assert facts.rejected_reasons == {"at or above the bar": 5}
    assert facts.mean_rank == pytest.approx(np.mean([5, 6, 2, 3, 5, 6, 4, 5]))
    assert facts.mean_gap == pytest.approx(np.mean([0.05, 0.05, 0.35, 0.4, 0.2, 0.3, 0.1, 0.2]))
    assert sum(facts.histograms["gap"].counts) == facts.mined == 8


def test_a_copy_of_a_hidden_positive_is_a_hidden_positive() -> None:
    documents = ["tea", "coffee", " Coffee", "milk", "TEA", "water", "cola"]
    judged = [(0, 0), (0, 1)]
    scores = np.array([[0.7, 0.9, 0.8, 0.6, 0.95, 0.5, 0.4]], dtype=np.float32)
    problem = Problem(collection_of(documents, ["drink?"], judged), scores)

    def negatives(**mining: object) -> tuple[set[str], list[str], Mined]:
        config = MiningConfig.model_validate({"num_negatives": 2, **mining})
        data = beir(positives="one")
        candidates = problem.candidates_for(data, config)
        mined = mine(
            collection=problem.collection, data=data, candidates=candidates, miner=NaiveTopK(), mining=config, seed=0
        )
        (shown,) = mined.rows[:, 1]
        chosen = [documents[d] for d in mined.negatives.document[0]]
        return {documents[shown]}, chosen, mined

    shown, chosen, mined = negatives()
    assert (shown, chosen) in [({"tea"}, ["coffee", " Coffee"]), ({"coffee"}, ["TEA", "tea"])]
    assert mined.negatives.known_false.all(), "one is judged, the other says the same"
    facts = mined.facts
    assert (facts.known_false, facts.known_false_copies, facts.hidden, facts.hidden_copies) == (2, 1, 2, 1)
    _, chosen, mined = negatives(reveal=1.0)
    assert chosen == ["milk", "water"], "both are revealed, in one draw"
    assert (mined.facts.known_false, mined.facts.hidden) == (0, 2)
    draws = {tuple(negatives(reveal=share)[1]) for share in np.linspace(0, 1, 30)}
    assert len(draws) == 2, "never one without the other"

"""The calibrated bar: its fits against a direct minimisation, what they may see, and what the record says of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from pydantic import ValidationError
from scipy.optimize import minimize
from scipy.special import expit

from experiments.config import (
    Bm25Teacher,
    EnsembleTeacher,
    MiningConfig,
    NaiveTopK,
    NoTraining,
    RunConfig,
    TinyStudent,
    TopKCalibrated,
)
from experiments.errors import UserError
from experiments.ir import NO_DOCUMENT, Negatives
from experiments.miners.calibration import FOLDS, row_folds
from experiments.miners.ensemble import Ensemble
from experiments.miners.mine import Mined, mine
from experiments.miners.reasons import CHOSEN, LIKELY_POSITIVE, PADDING, REVEALED, SURVIVOR
from tests.miners.problems import Problem, beir, collection_of
from tests.miners.reference import judged_for, same

LOOKED = (SURVIVOR, CHOSEN, LIKELY_POSITIVE)
MINING = MiningConfig(num_negatives=2, depth=25, shortfall="fewer")


def made(seed: int = 0, *, queries: int = 120, documents: int = 80, weight: float = 6.0) -> Problem:
    """Scores are standard normal, and a document answers a query with a probability that rises with its score.

    Every fifth query has the text of the one before it; a third have no answer but the shown one.
    """
    rng = np.random.default_rng(seed)
    scores = rng.normal(0, 1, (queries, documents)).astype(np.float32)
    lonely = np.arange(queries) % 3 == 2
    answers = rng.random(scores.shape) < expit(weight * (scores - 2.0))
    answers[lonely] = False
    answers[np.arange(queries), np.arange(queries) % documents] = True
    texts = [f"query {q - 1 if q % 5 == 4 else q}" for q in range(queries)]
    judged = [(int(q), int(d)) for q, d in zip(*np.nonzero(answers), strict=True)]
    return Problem(collection_of([f"document {d}" for d in range(documents)], texts, judged), scores)


def run(problem: Problem, target: float = 0.2, mining: MiningConfig = MINING, seed: int = 0) -> Mined:
    return mine(
        collection=problem.collection,
        data=beir(),
        candidates=problem.candidates_for(beir(), mining),
        miner=TopKCalibrated(target=target),
        mining=mining,
        seed=seed,
    )


def text_of(problem: Problem, query: int) -> str:
    return same(problem.collection.splits["train"].queries.texts[query])


def looked_at(problem: Problem, mined: Mined, mining: MiningConfig = MINING) -> list[tuple[int, int, int, int]]:
    """(row, query, column, rank after the exclusions) of every candidate that is looked at."""
    found = []
    for row, (query, _) in enumerate(mined.rows.tolist()):
        rank = 0
        for column, code in enumerate(mined.reasons[row].tolist()):
            if code in LOOKED:
                rank += 1
                found.append((row, query, column, rank))
        assert rank <= mining.depth
    return found


def by_hand(
    problem: Problem, mined: Mined, mining: MiningConfig = MINING
) -> tuple[dict[tuple[int, int], float], dict[tuple[int, int], bool]]:
    """(row, column) -> probability, and whether it is a hidden positive: loops, and scipy's minimiser for the fits.

    A hidden positive is what is judged for the text; shown ones are not among the candidates.
    """
    candidates = problem.candidates_for(beir(), mining)
    shown: dict[str, set[int]] = {}
    for query, positive in mined.rows.tolist():
        shown.setdefault(text_of(problem, query), set()).add(positive)
    texts = [text_of(problem, query) for query, _ in mined.rows.tolist()]
    first = {text: min(q for q in range(len(problem.scores)) if text_of(problem, q) == text) for text in set(texts)}
    fold = [int(row_folds(np.array([first[text]]), seed=0)[0]) for text in texts]
    features, label, at = [], [], []
    for row, query, column, rank in looked_at(problem, mined, mining):
        score = float(candidates.score[query, column])
        anchor = float(problem.scores[query, mined.rows[row, 1]])
        features.append([score, score - anchor, np.log(rank)])
        label.append(int(candidates.document[query, column]) in judged_for(problem, texts[row]))
        at.append((row, column))
    x, y = np.array(features), np.array(label)
    has_hidden = np.array([bool(judged_for(problem, texts[row]) - shown[texts[row]]) for row, _ in at])
    folds = np.array([fold[row] for row, _ in at])
    p = np.zeros(len(x))
    for one in range(FOLDS):
        train = (folds != one) & has_hidden
        mean, spread = x[train].mean(axis=0), x[train].std(axis=0)
        w = penalised_fit((x[train] - mean) / spread, y[train])
        p[folds == one] = expit((x[folds == one] - mean) / spread @ w[:3] + w[3])
    return dict(zip(at, p.tolist(), strict=True)), dict(zip(at, label, strict=True))


def penalised_fit(x: npt.NDArray[Any], y: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """argmin of the summed log loss + |w|^2 / 2, the intercept free."""

    def loss(w: npt.NDArray[Any]) -> float:
        z = x @ w[:3] + w[3]
        return float(np.logaddexp(0, z).sum() - z[y].sum() + w[:3] @ w[:3] / 2)

    return np.asarray(minimize(loss, np.zeros(4), method="BFGS", options={"gtol": 1e-7}).x)


def test_probabilities_agree_with_a_direct_minimisation() -> None:
    problem = made()
    mined = run(problem)
    expected, hidden = by_hand(problem, mined)
    negatives = mined.negatives
    checked = 0
    for i, row in enumerate(mined.row.tolist()):
        for slot, rank in enumerate(negatives.rank[i].tolist()):
            if rank:
                assert negatives.probability[i, slot] == pytest.approx(expected[row, rank - 1], abs=1e-4)
                checked += 1
    assert checked > 150
    clear = {at: p for at, p in expected.items() if abs(p - 0.2) > 1e-4}
    assert {at for at in clear if mined.reasons[at] == LIKELY_POSITIVE} == {at for at, p in clear.items() if p > 0.2}
    assert 20 < mined.facts.rejected_reasons["likely a positive"] == mined.facts.rejected
    check_facts(mined, expected, hidden, problem)


def check_facts(
    mined: Mined, expected: dict[tuple[int, int], float], hidden: dict[tuple[int, int], bool], problem: Problem
) -> None:
    facts = mined.facts.calibration
    assert facts is not None
    shown: dict[str, set[int]] = {}
    for query, positive in mined.rows.tolist():
        shown.setdefault(text_of(problem, query), set()).add(positive)
    texts = [text_of(problem, query) for query, _ in mined.rows.tolist()]
    asked = [row for row, text in enumerate(texts) if judged_for(problem, text) - shown[text]]
    used = [at for at in expected if at[0] in set(asked)]
    assert (facts.rows, facts.candidates, facts.hidden) == (len(asked), len(used), sum(hidden[at] for at in used))
    assert facts.rows < len(texts), "some queries have nothing hidden, and are judged all the same"
    assert facts.brier == pytest.approx(np.mean([(expected[at] - hidden[at]) ** 2 for at in used]), abs=1e-6)
    assert sum(found.candidates for found in facts.reliability) == facts.candidates
    for found in facts.reliability:
        inside = [at for at in used if found.low <= expected[at] < found.high]
        assert found.candidates == pytest.approx(len(inside), abs=2), "one at an edge may fall on either side"
        assert found.hidden == pytest.approx(sum(hidden[at] for at in inside), abs=2)
        assert found.low <= found.predicted <= found.high
    chosen = mined.negatives.probability[mined.negatives.document != NO_DOCUMENT]
    assert facts.chosen == pytest.approx(chosen.mean())
    assert chosen.max() < facts.target


def test_no_row_is_judged_by_a_fit_that_saw_it() -> None:
    """Whatever is hidden for a query text changes the others' probabilities, and those of its own fold not at all."""
    problem = made(1)
    before = run(problem, target=1.0)
    text = text_of(problem, 3)
    qrels = problem.collection.splits["train"].qrels
    shown = {(int(q), int(d)) for q, d in before.rows}
    pairs = {(int(q), int(d)) for q, d in zip(qrels.query, qrels.document, strict=True)}
    own = {pair for pair in pairs - shown if text_of(problem, pair[0]) == text}
    assert own
    # Another document is hidden now, one that is not drawn as the shown one, and what was hidden is judged no more.
    for new in np.argsort(-problem.scores[3]).tolist():
        if (3, new) not in pairs and (4, new) not in shown:
            after = run(rejudged(problem, sorted(pairs - own | {(3, new)})), target=1.0)
            if np.array_equal(after.rows, before.rows):
                break
    np.testing.assert_array_equal(after.rows, before.rows)
    group = [next(i for i in range(120) if text_of(problem, i) == text_of(problem, int(q))) for q, _ in before.rows]
    fold = row_folds(np.array(group), seed=0)
    same_fold = fold == fold[[int(q) for q, _ in before.rows].index(3)]
    first, second = (probabilities(mined) for mined in (before, after))
    assert 2 < same_fold.sum() < len(fold)
    for row, inside in enumerate(same_fold.tolist()):
        if inside:
            np.testing.assert_array_equal(first[row], second[row])
        else:
            assert not np.array_equal(first[row], second[row])


def rejudged(problem: Problem, judged: list[tuple[int, int]]) -> Problem:
    queries = list(problem.collection.splits["train"].queries.texts)
    return Problem(collection_of(list(problem.collection.corpus.texts), queries, judged), problem.scores)


def probabilities(mined: Mined) -> dict[int, npt.NDArray[np.float32]]:
    return dict(zip(mined.row.tolist(), mined.negatives.probability, strict=True))


def test_rows_of_one_text_are_in_one_fold_and_folds_are_about_equal() -> None:
    group = np.repeat(np.arange(4000), 2)
    fold = row_folds(group, seed=7)
    assert (fold[::2] == fold[1::2]).all()
    assert np.bincount(fold, minlength=FOLDS) / len(fold) == pytest.approx([1 / FOLDS] * FOLDS, abs=0.02)
    assert not np.array_equal(fold, row_folds(group, seed=8))
    np.testing.assert_array_equal(row_folds(group[500:900], seed=7), fold[500:900])


def test_predictions_are_reliable_where_the_model_is_true() -> None:
    """Answers were drawn from a logistic curve of the score: of candidates predicted at p, about p are hidden."""
    facts = run(made(2, queries=2000, weight=3.0)).facts.calibration
    assert facts is not None
    wide = [found for found in facts.reliability if found.candidates > 300]
    assert len(wide) > 5
    for found in wide:
        error = 4 * np.sqrt(found.predicted * (1 - found.predicted) / found.candidates)
        assert found.hidden / found.candidates == pytest.approx(found.predicted, abs=error + 0.02)
    base = facts.hidden / facts.candidates
    assert facts.brier < 0.8 * base * (1 - base)


def test_what_is_revealed_is_excluded_and_not_learned_from() -> None:
    problem = made(3, queries=150)
    mining = MINING.model_copy(update={"reveal": 0.5})
    mined, whole = run(problem, mining=mining), run(problem)
    assert (mined.reasons == REVEALED).any()
    assert mined.facts.calibration is not None
    assert whole.facts.calibration is not None
    assert mined.facts.calibration.hidden < 0.7 * whole.facts.calibration.hidden
    candidates = problem.candidates_for(beir(), mining)
    hidden = [
        candidates.document[query, column] in judged_for(problem, text_of(problem, query))
        for _, query, column, _ in looked_at(problem, mined, mining)
    ]
    assert mined.facts.calibration.hidden == sum(hidden)


def test_a_target_of_one_rejects_nothing_and_no_bar_is_recorded() -> None:
    problem = made(4)
    everything = run(problem, target=1.0)
    naive = mine(
        collection=problem.collection,
        data=beir(),
        candidates=problem.candidates_for(beir(), MINING),
        miner=NaiveTopK(),
        mining=MINING,
        seed=0,
    )
    np.testing.assert_array_equal(everything.negatives.document, naive.negatives.document)
    assert np.isnan(everything.negatives.bar).all()
    assert np.isnan(naive.negatives.probability).all()
    assert naive.facts.calibration is None
    rates = [run(problem, target=target).facts for target in (0.02, 0.2, 1.0)]
    assert [f.known_false for f in rates] == sorted(f.known_false for f in rates)
    assert rates[0].known_false < 0.5 * rates[2].known_false


def test_backfilled_documents_have_no_probability() -> None:
    mined = run(made(5), target=0.001, mining=MINING.model_copy(update={"shortfall": "backfill"}))
    drawn = mined.negatives.rank == 0
    assert drawn.any()
    np.testing.assert_array_equal(np.isnan(mined.negatives.probability), drawn)


def test_chunks_do_not_change_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = made(6)
    whole = run(problem)
    monkeypatch.setattr("experiments.miners.chunks.CHUNK_CELLS", 150)
    parts = run(problem)
    np.testing.assert_array_equal(whole.negatives.document, parts.negatives.document)
    np.testing.assert_array_equal(whole.negatives.probability, parts.negatives.probability)
    assert whole.facts == parts.facts


def test_too_few_hidden_positives_are_refused_in_one_line() -> None:
    problem = made(7, queries=6)
    with pytest.raises(UserError, match=r"topk_calibrated: \d+ hidden positives .* needs 50") as caught:
        run(problem)
    assert "\n" not in str(caught.value)


def test_hidden_positives_of_one_query_alone_are_refused() -> None:
    """Without that query's fold there is nothing to learn from."""
    judged = [(0, d) for d in range(60)] + [(q, 60 + q) for q in range(1, 20)]
    collection = collection_of([f"d{i}" for i in range(90)], [f"q{i}" for i in range(20)], judged)
    scores = np.random.default_rng(0).normal(size=(20, 90)).astype(np.float32)
    with pytest.raises(UserError, match="outside one of its 5 folds of training queries none of 0"):
        run(Problem(collection, scores), mining=MiningConfig(num_negatives=1, depth=80))


@pytest.mark.parametrize("listed", [False, True])
def test_nothing_hidden_is_nothing_to_learn_from(listed: bool) -> None:
    told = {"teacher": Bm25Teacher().model_dump(), "miner": TopKCalibrated().model_dump()}
    with pytest.raises(ValidationError, match=r"learns from hidden positives, but data\.positives=all"):
        RunConfig(
            data=beir(positives="all"),
            teacher=Bm25Teacher(),
            miner=NaiveTopK() if listed else TopKCalibrated(),
            mining=MiningConfig.model_validate({"common_with": [told] if listed else []}),
            student=TinyStudent(),
            train=NoTraining(),
        )


def test_padding_is_never_estimated_for_a_negative() -> None:
    mined = run(made(8, documents=20, queries=400), mining=MiningConfig(num_negatives=30, depth=30, shortfall="fewer"))
    negatives: Negatives = mined.negatives
    assert (mined.reasons == PADDING).any() or (negatives.document == NO_DOCUMENT).any()
    np.testing.assert_array_equal(np.isnan(negatives.probability), negatives.document == NO_DOCUMENT)


@pytest.mark.parametrize("combine", ["cross_sample", "intra_sample"])
def test_each_member_of_an_ensemble_has_fits_of_its_own(combine: str) -> None:
    first = made(9)
    second = Problem(first.collection, (3 * first.scores + np.random.default_rng(1).normal(0, 2, first.scores.shape)))
    members = [first, Problem(second.collection, second.scores.astype(np.float32))]
    every = MINING.model_copy(update={"num_negatives": 25})
    alone = [run(one, target=1.0, mining=every) for one in members]
    config = EnsembleTeacher.model_validate({"members": [Bm25Teacher(), Bm25Teacher(k1=2.0)], "combine": combine})
    ranked = Ensemble(tuple(one.candidates_for(beir(), MINING) for one in members), config)
    mined = mine(
        collection=first.collection,
        data=beir(),
        candidates=ranked,
        miner=TopKCalibrated(target=0.3),
        mining=MINING,
        seed=0,
    )
    given = mined.negatives
    assert {0, 1} <= set(given.teacher.ravel().tolist())
    for i, row in enumerate(mined.row.tolist()):
        for slot, teacher in enumerate(given.teacher[i].tolist()):
            if teacher >= 0:
                of_member = alone[teacher].negatives
                (there,) = np.flatnonzero(of_member.document[row] == given.document[i, slot])
                assert given.probability[i, slot] == of_member.probability[row, there] < 0.3
    assert mined.facts.calibration is None
    assert mined.facts.members is not None
    for member, own in zip(mined.facts.members, alone, strict=True):
        assert member.calibration is not None
        assert own.facts.calibration is not None
        assert (member.calibration.brier, member.calibration.reliability) == (
            own.facts.calibration.brier,
            own.facts.calibration.reliability,
        )

"""What is recommended from what was mined, against layouts whose answer is plain."""

from __future__ import annotations

from dataclasses import replace

from analysis.layouts import Layout
from analysis.mined import Hardness
from analysis.recommend import recommendation, recommended
from analysis.tables.layout import layout_table


def layout(kind: str, value: float | None, *, known: int, gap: float | None, kept: int = 100) -> Layout:
    """A method that mined 4 negatives for each row it keeps of 100."""
    hard = Hardness(above=None, gap=gap, rank=None)
    return Layout(
        setting="s",
        kind=kind,
        value=value,
        seeds=1,
        rows=100,
        kept=kept,
        candidates=1000,
        rejected=0,
        mined=4 * kept,
        known=known,
        hardness=hard,
    )


TRAIN = "python -m experiments.run -m study=own_data data=beir data.path=s"
NAIVE = layout("naive_topk", None, known=60, gap=0.01)
RANDOM = layout("random", None, known=0, gap=None)
STRICT = layout("topk_percpos", 0.8, known=0, gap=0.3)
GOOD = layout("topk_percpos", 0.95, known=6, gap=0.1)
LOOSE = layout("topk_percpos", 1.05, known=40, gap=0.05)
THIN = layout("topk_abs", 0.3, known=0, gap=0.02, kept=50)


def test_the_hardest_that_keeps_rows_and_few_false_negatives() -> None:
    assert recommended([RANDOM, NAIVE, STRICT, GOOD, LOOSE, THIN], NAIVE) is GOOD
    assert recommended([RANDOM, NAIVE, LOOSE, THIN], NAIVE) is None


def test_its_certainty_names_what_cannot_be_told_apart() -> None:
    near = replace(GOOD, value=0.9, known=4, hardness=replace(GOOD.hardness, gap=0.15))
    said = recommendation([NAIVE, STRICT, GOOD, near, LOOSE], train=TRAIN)
    assert said.startswith("Begin with topk_percpos at 0.95")
    assert "the intervals do not overlap" in said
    assert "cannot be told from its own: topk_percpos at 0.8, topk_percpos at 0.9." in said
    assert said.endswith(f"\nWhat trains the better student: {TRAIN}")
    assert "same_group" not in said


def test_where_nothing_is_known_to_be_false_it_says_so() -> None:
    said = recommendation([replace(NAIVE, known=0), GOOD], train=TRAIN)
    assert "nothing says how many negatives are false" in said
    assert "topk_percpos at 0.95" in said


def test_chunks_of_the_positives_own_whole_are_named_where_they_are_many() -> None:
    """40 of naive mining's 400 negatives; 4 of 400 are too few to tell."""
    said = recommendation([replace(NAIVE, together=40), GOOD], train=TRAIN)
    assert "10.0% of naive mining's negatives were cut from the same whole" in said
    assert "mining.same_group=exclude" in said
    assert "same_group" not in recommendation([replace(NAIVE, together=4), GOOD], train=TRAIN)


def test_what_comes_of_the_positives_whole_has_a_column_only_where_documents_name_wholes() -> None:
    assert len(layout_table([NAIVE, GOOD]).header) == 11
    table = layout_table([replace(NAIVE, together=40), GOOD])
    assert [row[-1] for row in table.rows] == ["10.0%", "–"]


def test_weak_positives_are_named_where_most_negatives_score_above_them() -> None:
    weak = replace(NAIVE, hardness=replace(NAIVE.hardness, above=0.8))
    assert "80.0% of naive mining's negatives above the positive" in recommendation([weak, GOOD], train=TRAIN)
    fair = replace(NAIVE, hardness=replace(NAIVE.hardness, above=0.2))
    for mended in (fair, replace(weak, setting="s, teacher t, positive_within 100")):
        assert "mining.positive_within" not in recommendation([mended, GOOD], train=TRAIN)

"""What an arm's negatives are like, pooled over its records."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from analysis import arms
from analysis.arms import hides
from analysis.load import load_study
from analysis.mined import hardness, share_below_zero
from analysis.sources import open_source
from experiments.config import DocstringsData, MixtureData, RunConfig, RunData
from experiments.miners.bins import SCORE_EDGES, histogram
from experiments.records.mining import Histogram, MiningFacts
from tests.analysis import synthetic


@given(arrays(np.float32, st.integers(1, 50), elements=st.floats(-2, 2, width=32)))
def test_the_histogram_of_the_miners_gives_the_share_exactly(gaps: np.ndarray) -> None:
    assert share_below_zero(histogram(gaps, SCORE_EDGES)) == np.count_nonzero(gaps < 0) / len(gaps)


def test_a_bin_that_holds_both_signs_gives_none() -> None:
    assert share_below_zero(Histogram(edges=(-0.1, 0.1, 0.2), counts=(3, 1))) is None
    assert share_below_zero(Histogram(edges=(0.05, 0.1, 0.2), counts=(3, 1))) == 0.0
    assert share_below_zero(Histogram(edges=(-0.2, -0.1, -0.05), counts=(3, 1))) == 1.0


def facts(**changed: object) -> MiningFacts:
    found = synthetic.mining_facts(synthetic.CORE["naive_topk"], seed=0)
    assert found is not None
    return found.model_copy(update=changed)


def bins(below: int, above: int) -> dict[str, Histogram]:
    return {"gap": Histogram(edges=(-1.0, 0.0, 1.0), counts=(below, above))}


def test_records_weigh_by_what_they_ranked_and_a_count_goes_before_a_histogram() -> None:
    older = facts(histograms=bins(60, 40), mean_gap=-0.1)
    newer = facts(histograms=bins(0, 300), ranked=300, above_positive=30, mean_gap=0.2)
    found = hardness([older, newer])
    assert found.above == pytest.approx((60 + 30) / 400)
    assert found.gap == pytest.approx((100 * -0.1 + 300 * 0.2) / 400)


def test_an_ensemble_has_a_share_above_and_no_gap() -> None:
    alone = facts(histograms=bins(60, 40), ranked=100, above_positive=60, mean_gap=-0.1)
    several = facts(histograms={}, ranked=300, above_positive=30, mean_gap=None)
    found = hardness([alone, several])
    assert found.above == pytest.approx(90 / 400)
    assert found.gap == pytest.approx(-0.1)


def test_random_negatives_have_no_hardness() -> None:
    found = hardness([facts(histograms={}, mean_gap=None, mean_rank=None)])
    assert (found.above, found.gap, found.rank) == (None, None, None)


def test_nothing_is_known_to_be_false_where_nothing_is_hidden(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def config(data: RunData) -> RunConfig:
        plain = synthetic.config(synthetic.Arm(), collection="docstrings", seed=0, tasks=())
        return plain.model_copy(update={"data": data})

    assert not hides(config(DocstringsData(positives="all")))
    mixed = {"a": {"positives": "all"}, "b": {"positives": "one"}}
    assert hides(config(MixtureData(name="m", parts=mixed)))
    synthetic.write_study(tmp_path, arms=synthetic.CORE, blocks={"docstrings": {"docstrings/test": 20}})
    monkeypatch.setattr(arms, "hides", lambda _: False)
    rows = arms.arm_rows(load_study(open_source(tmp_path), "synthetic"), "docstrings")
    assert {row.known_false for row in rows} == {None}

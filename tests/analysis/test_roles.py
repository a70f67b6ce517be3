"""Which arm plays which part is read from configs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from analysis.figures.rates import rates_figure
from analysis.load import Study, load_study
from analysis.roles import find_arm, miner_value, optimum
from analysis.sources import open_source
from analysis.steps import PLACEBO_NOTE, found_steps
from analysis.tables.steps import steps_markdown
from tests.analysis import synthetic


def study(tmp_path: Path, arms: dict[str, synthetic.Arm], queries: int = 20) -> Study:
    synthetic.write_study(tmp_path, arms=arms, blocks={"docstrings": {"docstrings/test": queries}})
    return load_study(open_source(tmp_path), "synthetic")


CORE = {name: synthetic.CORE[name] for name in ("untrained", "naive_topk", "naive_topk_reveal1", "topk_percpos")}


def test_an_unknown_kind_plays_no_part(tmp_path: Path) -> None:
    found = study(tmp_path, CORE)
    assert find_arm(found, "docstrings", kind="topk_percpos", reveal=0.0, common=False) == "topk_percpos"
    assert find_arm(found, "docstrings", kind="topk_unheard_of", reveal=0.0, common=False) is None
    assert find_arm(found, "nowhere", kind="topk_percpos", reveal=0.0, common=False) is None


def test_a_kind_that_is_no_method_has_no_optimum_to_give() -> None:
    assert optimum("random") is None
    with pytest.raises(KeyError, match="topk_unheard_of"):
        optimum("topk_unheard_of")


def test_an_untrained_arm_and_one_at_another_value_play_no_part(tmp_path: Path) -> None:
    elsewhere = replace(synthetic.CORE["topk_percpos"], miner=synthetic.TopKPercPos(threshold=0.8))
    found = study(tmp_path, {**CORE, "topk_percpos": elsewhere})
    assert find_arm(found, "docstrings", kind="topk_percpos", reveal=0.0, common=False) is None
    assert find_arm(found, "docstrings", kind="random", reveal=0.0, common=False) is None
    [run, *_] = found.cell("docstrings", "topk_percpos").values()
    assert miner_value(run.config) == 0.8


def test_an_arm_that_differs_in_more_than_its_part_does_not_play_it(tmp_path: Path) -> None:
    """Another number of negatives is another comparison, whatever the miner."""
    first = replace(synthetic.CORE["topk_percpos"], num_negatives=2)
    found = study(tmp_path, {**CORE, "two": first, "topk_percpos": synthetic.CORE["topk_percpos"]})
    arms = found.plan.arms("docstrings")
    assert "two" in arms
    assert find_arm(found, "docstrings", kind="topk_percpos", reveal=0.0, common=False) == "topk_percpos"


def test_steps_add_up_to_the_whole_and_so_do_their_shares(tmp_path: Path) -> None:
    found = found_steps(study(tmp_path, synthetic.FULL, queries=400), "docstrings")
    rows = [step for step in found if step.step.rank == "row"]
    [whole] = [step for step in found if step.step.rank == "total"]
    assert whole.difference is not None
    assert sum(step.difference.mean for step in rows if step.difference) == pytest.approx(whole.difference.mean)
    assert sum(step.share.mean for step in rows if step.share) == pytest.approx(1.0)
    assert whole.share is None


def test_without_the_whole_way_there_are_no_steps(tmp_path: Path) -> None:
    assert found_steps(study(tmp_path, CORE), "docstrings") == ()


PLACEBO = synthetic.Arm(effect=0.004, reveal=1.0, common=True, kept=430, false_negatives="placebo")


def test_the_false_negatives_stand_against_the_placebo_where_there_is_one(tmp_path: Path) -> None:
    found = study(tmp_path, {**synthetic.FULL, "naive_topk_placebo": PLACEBO}, queries=400)
    steps = {one.step.name: one for one in found_steps(found, "docstrings")}
    whole = steps["hidden positives excluded"]
    instead = steps["of it: as many others excluded instead (placebo)"]
    removed = steps["of it: known false negatives removed, against the placebo"]
    assert (instead.before, instead.after) == (whole.before, "naive_topk_placebo")
    assert (removed.before, removed.after) == ("naive_topk_placebo", whole.after)
    assert removed.difference is not None
    assert instead.difference is not None
    assert whole.difference is not None
    assert instead.difference.mean + removed.difference.mean == pytest.approx(whole.difference.mean)
    rows = [one.difference.mean for one in steps.values() if one.step.rank == "row" and one.difference]
    total = steps["all: naive to PercPos"].difference
    assert total is not None
    assert sum(rows) == pytest.approx(total.mean), "the parts are no rows of their own"
    assert PLACEBO_NOTE in steps_markdown(found, ["docstrings"])


def test_without_a_placebo_nothing_is_said_of_one(tmp_path: Path) -> None:
    found = study(tmp_path, synthetic.FULL)
    assert not [one for one in found_steps(found, "docstrings") if "placebo" in one.step.name]
    assert "lacebo" not in steps_markdown(found, ["docstrings"])


@pytest.mark.parametrize("treatment", ["placebo", "drop_row", "relabel"])
def test_an_arm_that_treats_false_negatives_otherwise_plays_no_other_part(
    tmp_path: Path, treatment: synthetic.FalseNegatives
) -> None:
    """Neither the cleaned arm of the steps, nor a point of the curve that `reveal` draws by removal."""
    cleaned = replace(synthetic.CORE["naive_topk_reveal1"], false_negatives=treatment)
    found = study(tmp_path, {**CORE, "naive_topk_reveal1": cleaned})
    assert find_arm(found, "docstrings", kind="naive_topk", reveal=1.0, common=False) is None
    assert rates_figure(found) is None

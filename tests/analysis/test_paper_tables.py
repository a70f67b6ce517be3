"""The paper's figures and the expected orders on the page of a study."""

from __future__ import annotations

from pathlib import Path

import pytest

from analysis.arms import arm_rows
from analysis.compare import compare_arms
from analysis.formats import interval, signed
from analysis.load import Study, load_study
from analysis.sources import open_source
from analysis.tables.expected import expected_markdown
from analysis.tables.paper import direction, paper_markdown
from experiments.config import TopKAbs, TopKShifted
from experiments.errors import UserError
from tests.analysis import synthetic
from tests.analysis.conftest import page_text
from tests.analysis.test_registry import declare

TASKS = {"docstrings": {"docstrings/test": 60}}
ARMS = {
    **synthetic.CORE,
    "mine": synthetic.Arm(miner=TopKAbs(), effect=0.01),
    "topk_shifted": synthetic.Arm(miner=TopKShifted(), effect=-0.1),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return synthetic.write_study(tmp_path, arms=ARMS, blocks=TASKS)


def study(folder: Path) -> Study:
    return load_study(open_source(folder.parent), folder.name)


def line(text: str, start: str) -> str:
    (found,) = [line for line in text.splitlines() if line.startswith(f"| {start} |")]
    return found


def test_a_study_that_names_no_table_and_expects_nothing_has_neither(folder: Path) -> None:
    found = study(folder)
    assert paper_markdown(found, found.plan.blocks) == expected_markdown(found, found.plan.blocks) == ""


def test_paper_beside_ours(folder: Path) -> None:
    declare(folder, paper={"table": "table3", "rows": {"mine": "topk_abs"}})
    found = study(folder)
    text = paper_markdown(found, ["docstrings"])
    rows = {row.arm: row for row in arm_rows(found, "docstrings")}
    percpos = compare_arms(found, "docstrings", "topk_percpos", "naive_topk", ["docstrings/test"])
    assert percpos is not None
    shown = line(text, "topk_percpos")
    assert shown.startswith(f"| topk_percpos | TopK-PercPos, 95% | 0.5856 | {rows['topk_percpos'].mean:.4f} | 3 | ")
    assert f"| {signed(0.5856 - 0.5407)} | {interval(percpos.mean, percpos.low, percpos.high)} |" in shown
    assert "| 0.5407 |" in line(text, "naive_topk")
    assert line(text, "naive_topk").count("baseline") == 2
    assert line(text, "topk_shifted").count("| no | below its untrained base |") == 1
    assert line(text, "mine").startswith("| mine | TopK-Abs, 0.7 | 0.5759 |")
    assert "- Arms: mine stands for TopK-Abs.\n" in text
    assert "- Arms that the table does not have: untrained, random, naive_topk_reveal1.\n" in text
    assert "- Here: student minilm_l3; teacher minilm_l6; trained on docstrings; measured on docstrings/test.\n" in text
    assert "| random |" not in text


def test_a_difference_is_taken_to_the_row_that_the_baseline_stands_for(folder: Path) -> None:
    declare(folder, paper="table3", baseline="topk_percpos", contrasts=[])
    found = study(folder)
    assert f"| {signed(0.5407 - 0.5856)} |" in line(paper_markdown(found, ["docstrings"]), "naive_topk")


def test_a_baseline_that_the_table_lacks_leaves_a_dash(folder: Path) -> None:
    declare(folder, paper="table3", baseline="random", contrasts=[])
    found = study(folder)
    assert "| 3 | – | " in line(paper_markdown(found, ["docstrings"]), "topk_percpos")


def test_other_figures_of_the_paper_are_shown_as_they_are(folder: Path) -> None:
    declare(folder, paper="fig3")
    found = study(folder)
    text = paper_markdown(found, ["docstrings"])
    assert "| NQ | 38.8% | 57% | 16.7% |" in text


def test_a_table_that_the_paper_lacks_is_named(folder: Path) -> None:
    declare(folder, paper="table33")
    found = study(folder)
    with pytest.raises(UserError, match="study synthetic: paper: the paper has no 'table33' here: use one of table1"):
        paper_markdown(found, ["docstrings"])


def test_a_row_that_the_table_lacks_is_named(folder: Path) -> None:
    declare(folder, paper={"table": "table3", "rows": {"mine": "topk_abss"}})
    found = study(folder)
    with pytest.raises(UserError, match=r"paper\.rows: table3 has no row 'topk_abss': use one of naive_topk"):
        paper_markdown(found, ["docstrings"])


def test_direction_needs_an_interval_clear_of_zero(folder: Path) -> None:
    found = study(folder)
    lower = compare_arms(found, "docstrings", "topk_shifted", "naive_topk", ["docstrings/test"])
    assert lower is not None
    assert lower.high < 0
    assert [direction(there, lower) for there in (-0.1, 0.1, 0.0, None)] == ["yes", "no", "–", "–"]
    same = compare_arms(found, "docstrings", "naive_topk", "naive_topk", ["docstrings/test"])
    assert direction(0.1, same) == "not separable"


def test_expected_orders_and_what_was_found(folder: Path) -> None:
    orders = [("naive_topk", "topk_shifted"), ("topk_shifted", "random"), ("naive_topk_reveal1", "random")]
    declare(folder, expects=[{"higher": higher, "lower": lower} for higher, lower in orders])
    found = study(folder)
    text = expected_markdown(found, ["docstrings"])
    assert line(text, "naive_topk above topk_shifted").endswith("| as expected |")
    assert line(text, "topk_shifted above random").endswith("| the opposite |")
    difference = compare_arms(found, "docstrings", "naive_topk_reveal1", "random", ["docstrings/test"])
    assert difference is not None
    clear = difference.low > 0 or difference.high < 0
    assert ("not separable" in line(text, "naive_topk_reveal1 above random")) != clear


def test_an_order_that_has_not_run_is_a_dash(folder: Path) -> None:
    declare(folder, arms={**{name: ["x=1"] for name in ARMS}, "later": ["x=1"]})
    declare(folder, expects=[{"higher": "later", "lower": "random"}])
    found = study(folder)
    assert line(expected_markdown(found, ["docstrings"]), "later above random").endswith("| – | – | – |")


def test_both_are_on_the_page_without_being_named(folder: Path) -> None:
    declare(folder, paper="table3", expects=[{"higher": "topk_percpos", "lower": "naive_topk"}])
    page = page_text(folder)
    order = ["## Methods\n", "## The paper beside these runs\n", "## Primary contrasts\n", "## Expected orders\n"]
    assert [page.index(title) for title in order] == sorted(page.index(title) for title in order)
    assert "`paper`" not in page
    assert "- `expects`: was `[]`" in page

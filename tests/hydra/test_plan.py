from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from experiments.studies.cells import choose_value, phase_one, phase_two
from experiments.studies.declaration import Choose, Declaration
from experiments.studies.plan import dump_plan, laid_out, read_plan

DECLARATION: dict[str, Any] = {
    "name": "s",
    "baseline": "naive",
    "seeds": [0, 1],
    "arms": {"naive": ["miner=naive_topk"], "common": {"overrides": ["miner=naive_topk"], "rows_of": ["dev"]}},
    "choose": {"dev": {"overrides": ["miner=topk_abs"], "key": "miner.threshold", "values": [0.5, 0.7], "seeds": [0]}},
    "blocks": {"a": {"overrides": ["teacher=bm25"]}, "b": {"arms": ["naive"], "seeds": [1]}},
}


def study(**changes: Any) -> Declaration:
    return Declaration.model_validate({**DECLARATION, **changes})


def test_runs_go_seed_by_seed_then_block_then_arm() -> None:
    cells = phase_two(study(), {("a", "dev"): 0.7})
    assert [(cell.seed, cell.block, cell.arm) for cell in cells] == [
        (0, "a", "naive"),
        (0, "a", "common"),
        (0, "a", "dev"),
        (1, "a", "naive"),
        (1, "a", "common"),
        (1, "a", "dev"),
        (1, "b", "naive"),
    ]
    assert cells[2].overrides == ("teacher=bm25", "miner=topk_abs", "miner.threshold=0.7", "seed=0")
    assert not any(cell.waits for cell in cells)


def test_what_needs_a_chosen_value_waits_for_it() -> None:
    waiting = {cell.arm: cell.waits for cell in phase_two(study(), {}) if cell.waits}
    assert waiting == {"common": ("dev",), "dev": ("dev",)}


def test_phase_one_tries_every_value_in_the_blocks_that_have_the_arm() -> None:
    cells = phase_one(study())
    assert [(cell.block, cell.value, cell.seed) for cell in cells] == [("a", 0.5, 0), ("a", 0.7, 0)]


@pytest.mark.parametrize(
    ("means", "paper", "value"),
    [
        ({0.5: 0.1, 0.7: 0.3, 0.9: 0.2}, None, 0.7),
        ({0.5: 0.3, 0.7: 0.3, 0.9: 0.2}, None, 0.5),
        ({0.5: 0.3, 0.7: 0.1, 0.9: 0.3}, 0.95, 0.9),
        ({0.5: 0.3, 0.7: 0.1, 0.9: 0.3 + 1e-15}, None, 0.5),
    ],
)
def test_the_best_value_wins_and_ties_go_to_the_papers(
    means: dict[float | int | str, float], paper: float | None, value: float
) -> None:
    choose = Choose(overrides=(), key="miner.threshold", values=(0.5, 0.7, 0.9), paper=paper)
    assert choose_value(choose, means) == value


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"baseline": "nave"}, "baseline names the arm 'nave', which the study does not have"),
        ({"contrasts": [{"name": "c", "arm": "x", "baseline": "naive"}]}, "contrast 'c' names the arm 'x'"),
        ({"contrasts": [{"name": "c", "arm": "dev", "baseline": "naive", "blocks": ["z"]}]}, "names the block 'z'"),
        ({"arms": {"naive": [], "dev": []}}, "'dev' stands under arms and under choose"),
        ({"arms": {"naive": {"overrides": [], "rows_of": ["z"]}}}, "(rows_of)"),
        ({"contrasts": [{"name": str(i), "arm": "dev", "baseline": "naive"} for i in range(3)]}, "at most 2"),
        ({"seeds": []}, "at least 1"),
        ({"expects": [{"higher": "nave", "lower": "dev"}]}, "expects names the arm 'nave'"),
        ({"expects": [{"higher": "dev", "lower": "naive", "blocks": ["z"]}]}, "expects names the block 'z'"),
        ({"expects": [{"higher": "dev", "lower": "naive", "blocks": ["b"]}]}, "block 'b' does not have both of them"),
        ({"expects": [{"higher": "dev", "lower": "dev"}]}, "an order that cannot be: dev > dev"),
        (
            {"expects": [{"higher": "dev", "lower": "naive"}, {"higher": "naive", "lower": "dev"}]},
            "expects in block 'a' an order that cannot be",
        ),
        ({"paper": {"table": "table3", "rows": {"nave": "naive_topk"}}}, "paper.rows names the arm 'nave'"),
    ],
)
def test_a_declaration_that_cannot_be_is_refused(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError) as caught:
        study(**changes)
    assert says in str(caught.value)


def test_a_block_like_another_starts_from_its_settings() -> None:
    study = Declaration.model_validate(
        {
            "name": "s",
            "arms": {"a": []},
            "blocks": {
                "big": {
                    "overrides": ["data.passages=6000", "train.steps=60"],
                    "seeds": [0, 1],
                    "primary_task": "x/test",
                },
                "other": {"like": "big", "overrides": ["train.in_batch=false"], "seeds": [0]},
            },
        }
    )
    other = study.blocks["other"]
    assert other.overrides == ("data.passages=6000", "train.steps=60", "train.in_batch=false")
    assert (other.seeds, other.primary_task) == ((0,), "x/test")
    assert study.blocks["big"].seeds == (0, 1)


@pytest.mark.parametrize("like", ["nowhere", "twice"])
def test_a_block_like_none_is_one_line(like: str) -> None:
    blocks = {"big": {"overrides": []}, "twice": {"like": "big"}, "other": {"like": like}}
    with pytest.raises(ValidationError, match=rf"'other' is like '{like}': name a block that is spelled out \(big\)"):
        Declaration.model_validate({"name": "s", "arms": {"a": []}, "blocks": blocks})


def test_opposite_orders_are_possible_in_different_blocks() -> None:
    arms = {"naive": ["miner=naive_topk"], "random": ["miner=random"]}
    expects = [
        {"higher": "naive", "lower": "random", "blocks": ["a"]},
        {"higher": "random", "lower": "naive", "blocks": ["b"]},
    ]
    declared = study(arms=arms, choose={}, blocks={"a": {}, "b": {}}, expects=expects)
    assert [expected.blocks for expected in declared.expects] == [("a",), ("b",)]


def test_a_table_of_the_paper_by_its_name_alone() -> None:
    named = study(paper="table3").paper
    assert named is not None
    assert (named.table, named.rows) == ("table3", {})


RUNS = [(phase_two(study(), {("a", "dev"): 0.7})[0], "r" * 16)]


def test_a_plan_without_expected_orders_is_written_as_before_there_were_any() -> None:
    text = dump_plan(laid_out(study(), RUNS, {}, before=None))
    declared = json.loads(text)["declaration"]
    assert "added" in declared
    assert not {"expects", "paper"} & set(declared)


def test_a_plan_keeps_expected_orders_and_the_table_of_the_paper(tmp_path: Path) -> None:
    declared = study(expects=[{"higher": "dev", "lower": "naive", "blocks": ["a"]}], paper="table3")
    path = tmp_path / "plan.json"
    path.write_text(dump_plan(laid_out(declared, RUNS, {}, before=None)), encoding="utf-8")
    assert read_plan(path).declaration == declared
    later = laid_out(study(paper="table3"), RUNS, {}, before=read_plan(path))
    assert [key for key, _, _ in later.changes] == ["expects"]

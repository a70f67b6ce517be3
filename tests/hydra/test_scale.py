"""Studies whose arms name roles: what a scale puts in their place, through the real files and the real composer."""

from __future__ import annotations

from typing import Any

import pytest

from experiments.command.compose import CONF, Composer
from experiments.errors import UserError
from experiments.studies.given import load_study
from experiments.studies.scale import at_scale

SMALL = {
    "name": "small",
    "roles": {
        "best": ["teacher=minilm_l6", "teacher.precision=bf16"],
        "teachers": {"bm25": ["teacher=bm25"], "l6": ["teacher=minilm_l6"]},
    },
    "names": {"strongest": "l6"},
    "limits": ["small"],
}


def study(**more: Any) -> dict[str, Any]:
    return {"name": "one", "arms": {"naive": ["$best", "miner=naive_topk"]}, **more}


def test_a_role_is_replaced_by_its_overrides_in_place() -> None:
    found = at_scale(study(blocks={"main": {"overrides": ["seed_free=1", "$best"]}}), SMALL)
    assert found["arms"]["naive"] == ["teacher=minilm_l6", "teacher.precision=bf16", "miner=naive_topk"]
    assert found["blocks"]["main"]["overrides"] == ["seed_free=1", "teacher=minilm_l6", "teacher.precision=bf16"]
    assert found["name"] == "one_small"
    assert found["limits"] == ["small"]


def test_each_makes_an_arm_of_every_member_and_a_name_stands_for_one() -> None:
    declared = study(
        arms={"any": {"each": "teachers", "overrides": ["miner=random", "$each"]}},
        contrasts=[{"name": "c", "arm": "$strongest", "baseline": "bm25"}],
    )
    found = at_scale(declared, SMALL)
    assert found["arms"] == {
        "bm25": {"overrides": ["miner=random", "teacher=bm25"]},
        "l6": {"overrides": ["miner=random", "teacher=minilm_l6"]},
    }
    assert found["contrasts"][0]["arm"] == "l6"


def test_each_value_of_a_key_is_an_arm_with_or_without_a_scale() -> None:
    arms = {"abs": {"overrides": ["miner=topk_abs"], "each": {"miner.threshold": [0.5, 0.6]}}}
    found = at_scale({"name": "one", "arms": arms}, None)
    assert found["arms"] == {
        "abs_0.5": {"overrides": ["miner=topk_abs", "miner.threshold=0.5"]},
        "abs_0.6": {"overrides": ["miner=topk_abs", "miner.threshold=0.6"]},
    }


def test_a_block_that_names_an_arm_with_each_names_all_that_it_stands_for() -> None:
    declared = study(
        arms={
            "plain": ["miner=random"],
            "any": {"each": "teachers", "overrides": ["$each"]},
            "abs": {"overrides": ["$best"], "each": {"miner.threshold": [0.5, 0.6]}},
        },
        blocks={"main": {"arms": ["any", "plain"]}, "few": {"like": "main", "arms": ["abs", "l6"]}, "all": {}},
    )
    blocks = at_scale(declared, SMALL)["blocks"]
    assert blocks["main"]["arms"] == ["bm25", "l6", "plain"]
    assert blocks["few"]["arms"] == ["abs_0.5", "abs_0.6", "l6"]
    assert blocks["all"] == {}


@pytest.mark.parametrize(
    ("declared", "scale", "message"),
    [
        (study(), None, r"study one leaves \$best to a scale: choose one, as in scale=cpu"),
        (study(arms={"a": ["miner=random"]}), SMALL, "scale=small: study one has no roles that a scale could fill"),
        (study(arms={"a": ["$bst"]}), SMALL, r"scale=small has no role 'bst' \(it has: best, teachers\)"),
        (study(arms={"a": ["$teachers"]}), SMALL, r"\$teachers has members \(bm25, l6\): name it as `each` of an arm"),
        (study(arms={"a": {"each": "best", "overrides": []}}), SMALL, "each: best: this role has no members"),
        (study(baseline="$weakest"), SMALL, r"scale=small has no name 'weakest' \(it has: strongest\)"),
        (
            study(arms={"a": {"each": {"x": 1}, "overrides": []}}),
            None,
            "study.arms.a.each: give one key and its values",
        ),
        (study(), {**SMALL, "roles": {"best": 3}}, "conf/scale/small.yaml: roles.best"),
    ],
)
def test_what_does_not_fit_is_one_line(declared: dict[str, Any], scale: dict[str, Any] | None, message: str) -> None:
    with pytest.raises(UserError, match=message):
        at_scale(declared, scale)


@pytest.mark.parametrize("scale", sorted(path.stem for path in (CONF / "scale").glob("*.yaml")))
@pytest.mark.parametrize(
    "name", sorted(path.stem for path in (CONF / "study").glob("*.yaml") if "override /scale" in path.read_text())
)
def test_every_study_with_roles_is_declared_at_every_scale(name: str, scale: str, composer: Composer) -> None:
    declared = load_study([f"study={name}", f"scale={scale}"], composer)
    assert declared.name == f"{name}_{scale}"
    texts = [text for arm in declared.arms.values() for text in arm.overrides]
    texts += [text for block in declared.blocks.values() for text in block.overrides]
    assert not [text for text in texts if "$" in text]

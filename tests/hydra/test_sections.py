"""A config that is put together of sections is the one that Hydra composes as a whole, key by key and in its order."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hydra.types import RunMode
from omegaconf import OmegaConf

from experiments.command.compose import CONF, DECLARED, Composer, preset
from experiments.command.overrides import drop_foreign, has_key
from experiments.command.presets import with_presets

GROUPS = ("data", "teacher", "miner", "student", "train", "tracker")
STUDY = "study=why_positive_aware"


def by_hydra(composer: Composer, overrides: list[str]) -> dict[str, Any]:
    """The same config from one composition of all its overrides."""
    config = composer.loader.load_configuration("config", overrides, run_mode=RunMode.RUN)
    task = OmegaConf.masked_copy(config, [str(name) for name in config if name != "hydra"])
    plain: dict[str, Any] = OmegaConf.to_container(task, resolve=True)  # type: ignore[assignment]
    for name in DECLARED:
        plain.pop(name, None)
    with_presets(plain, preset)
    drop_foreign(plain)
    return plain


def choices() -> list[str]:
    return [f"{group}={path.stem}" for group in GROUPS for path in sorted((CONF / group).glob("*.yaml"))]


@pytest.mark.parametrize("choice", choices())
def test_a_choice(composer: Composer, choice: str) -> None:
    assert json.dumps(composer.config([choice])) == json.dumps(by_hydra(composer, [choice]))


@pytest.mark.parametrize("choice", ["data=beir", "miner=random", "student=minilm_l3_distilled", "train=none"])
def test_a_choice_in_a_study(composer: Composer, choice: str) -> None:
    assert json.dumps(composer.config([STUDY, choice])) == json.dumps(by_hydra(composer, [STUDY, choice]))


@pytest.mark.parametrize(
    "values",
    [
        ["seed=3", "train.learning_rate=1e-4", "train.steps=null", "mining.reveal=1"],
        ["outputs=/somewhere/else"],
        ["outputs=/somewhere/else", "execution.store=/here"],
        ["execution.store='${outputs}/mine'", "outputs=x"],
        ["execution.beir_home=null", "labels.arm='a, b: {c}'", "position='3/12'"],
        ["evaluation.splits=[heldout,test]", "evaluation.collections=[]"],
        ["mining.common_with=[{teacher:{kind:bm25,k1:1.2},miner:{kind:random}}]"],
        ["teacher.name=???", "data.positives='null'", "teacher.pooling=true"],
        ["+data.more={a:1}", "seed=1"],
        ["~position", "labels.block=x"],
        ["++train.steps=7", "train.batch_size=4"],
        ["student.query_prompt=' a b '", "student.layers=[1,2]", "student.layers=null"],
    ],
)
def test_values_of_every_kind(composer: Composer, values: list[str]) -> None:
    for chosen in ([], [STUDY, "data=beir", "miner=topk_percpos", "train=infonce_guide", "student=static"]):
        overrides = [*chosen, *values]
        once = list({text.partition("=")[0]: text for text in overrides}.values())
        assert json.dumps(composer.config(overrides)) == json.dumps(by_hydra(composer, once))


def test_a_configs_data_is_its_own(composer: Composer) -> None:
    """What one run changes of its config, no other run sees."""
    before = json.dumps(composer.config([STUDY, "miner=random"]))
    changed = composer.config([STUDY, "miner=random"])
    changed["mining"].clear()
    changed["miner"]["kind"] = "other"
    changed["evaluation"]["splits"].append("x")
    assert json.dumps(composer.config([STUDY, "miner=random"])) == before


def test_keys_of_a_choice(composer: Composer) -> None:
    for choice in ("miner=topk_abs", "miner=random", "data=retrieval_cpu", "train=none"):
        plain = by_hydra(composer, [choice])
        for key in ("miner.threshold", "miner.shift", "data.parts", "data.name", "train.steps", "seed", "nothing"):
            assert composer.has_key([choice], key) == has_key(plain, key)

"""conf/miner and conf/mining hold every parameter, at the types' own defaults."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from pydantic import TypeAdapter

from experiments.config import MinerConfig, MiningConfig
from experiments.miners.methods import METHODS

CONF = Path(__file__).parents[2] / "conf"


def test_there_is_one_file_a_method() -> None:
    assert sorted(path.stem for path in (CONF / "miner").glob("*.yaml")) == sorted(METHODS)


@pytest.mark.parametrize("method", sorted(METHODS))
def test_miner(method: str) -> None:
    written = yaml.safe_load((CONF / "miner" / f"{method}.yaml").read_text(encoding="utf-8"))
    miner = TypeAdapter(MinerConfig).validate_python(written)
    assert written == type(miner)().model_dump()
    assert miner.kind == method


def test_mining() -> None:
    written = yaml.safe_load((CONF / "mining" / "default.yaml").read_text(encoding="utf-8"))
    assert written == MiningConfig().model_dump(mode="json")

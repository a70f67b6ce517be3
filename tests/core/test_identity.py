"""Names depend on the value and on nothing else."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from experiments.config import (
    DenseTeacher,
    DocstringsData,
    InfoNCE,
    MiningConfig,
    ModelStudent,
    NaiveTopK,
    RunConfig,
    TinyStudent,
    TopKAbs,
    TopKPercPos,
)
from experiments.identity import canonical_json, derive_seed, digest

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


def make_config(**changes: Any) -> RunConfig:
    values: dict[str, Any] = {
        "data": DocstringsData(),
        "teacher": DenseTeacher(name="all-MiniLM-L6-v2", source="embedded"),
        "miner": TopKPercPos(threshold=0.95),
        "student": ModelStudent(name="all-MiniLM-L6-v2", source="embedded", layers=(0, 2, 5)),
        "train": InfoNCE(),
    }
    return RunConfig(**{**values, **changes})


@given(json_values)
def test_canonical_json_is_json_and_reads_back_equal(value: Any) -> None:
    assert json.loads(canonical_json(value)) == value


@given(st.dictionaries(st.text(), st.integers(), min_size=2))
def test_key_order_does_not_matter(value: dict[str, int]) -> None:
    assert digest(value) == digest(dict(reversed(list(value.items()))))


def test_nan_and_unknown_types_are_refused() -> None:
    with pytest.raises(ValueError, match="canonical form"):
        canonical_json({"a": float("nan")})
    with pytest.raises(TypeError, match="set"):
        canonical_json({"a": {1, 2}})
    with pytest.raises(TypeError, match="keys"):
        canonical_json({1: 2})


def test_digest_does_not_depend_on_the_hash_seed() -> None:
    code = "from experiments.identity import digest; print(digest({'b': [1.5, None], 'a': {'y': 'ä', 'x': True}}))"
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout
        for seed in ("0", "1", "77")
    }
    assert len(outputs) == 1


def test_integer_and_float_spelling_are_one_run() -> None:
    assert make_config(miner=TopKAbs(threshold=1)).run_id == make_config(miner=TopKAbs(threshold=1.0)).run_id


def test_defaults_written_out_are_the_same_run() -> None:
    assert make_config(mining=MiningConfig(depth=100, reveal=0)).run_id == make_config().run_id


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 1},
        {"miner": NaiveTopK()},
        {"miner": TopKPercPos(threshold=0.94)},
        {"mining": MiningConfig(reveal=1.0)},
        {"data": DocstringsData(split_seed=1)},
        {"train": InfoNCE(precision="bf16")},
        {"teacher": DenseTeacher(name="all-MiniLM-L6-v2", source="embedded", query_prompt="query: ")},
    ],
)
def test_whatever_can_change_a_number_changes_the_name(change: dict[str, Any]) -> None:
    assert make_config(**change).run_id != make_config().run_id


def test_a_mining_only_run_is_named_without_its_student() -> None:
    layout = make_config(until="mine")
    assert layout.run_id == make_config(until="mine", student=TinyStudent()).run_id
    assert layout.run_id != make_config().run_id
    assert layout.run_id != make_config(until="mine", miner=NaiveTopK()).run_id


class _Old(BaseModel):
    a: int = 1


class _New(BaseModel):
    a: int = 1
    later: Annotated[float, Field(json_schema_extra={"neutral": 0.5})] = 0.5


def test_a_later_field_at_its_neutral_value_does_not_rename_old_runs() -> None:
    assert digest(_New()) == digest(_Old())
    assert digest({"x": [_New()]}) == digest({"x": [_Old()]})
    assert digest(_New(later=0.6)) != digest(_Old())


def test_derived_seeds_are_stable_and_distinct() -> None:
    assert derive_seed(0, "train") == derive_seed(0, "train")
    seeds = {derive_seed(seed, use, factor) for seed in range(20) for use in ("train", "rows") for factor in range(5)}
    assert len(seeds) == 200
    assert all(0 <= seed < 2**32 for seed in seeds)

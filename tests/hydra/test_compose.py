from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hydra.types import RunMode

from experiments.command.build import build
from experiments.command.compose import CONF, Composer
from experiments.command.folders import with_model_paths
from experiments.command.mistakes import UNIONS
from experiments.command.overrides import last_wins, write_value
from experiments.config import (
    BeirData,
    DenseTeacher,
    EvaluationConfig,
    MiningConfig,
    TopKPercPos,
)
from experiments.config.mining import TRAVELS
from experiments.errors import UserError
from experiments.execution import Execution

GOLDEN = Path(__file__).with_name("golden_run_ids.json")


@pytest.mark.parametrize("command", json.loads(GOLDEN.read_text(encoding="utf-8")))
def test_run_ids_stay(composer: Composer, command: str) -> None:
    assert composer.run(command.split()).run_id == json.loads(GOLDEN.read_text(encoding="utf-8"))[command]


def test_ten_run_ids_are_pinned_and_distinct() -> None:
    assert len(set(json.loads(GOLDEN.read_text(encoding="utf-8")).values())) == 10


def choices() -> list[tuple[str, str]]:
    return [(group, path.stem) for group in UNIONS for path in sorted((CONF / group).glob("*.yaml"))]


@pytest.mark.parametrize(("group", "choice"), choices())
def test_a_choice_composes_to_every_parameter_of_its_kind(composer: Composer, group: str, choice: str) -> None:
    values = composer.loader.load_configuration("config", [f"{group}={choice}"], run_mode=RunMode.RUN)[group]
    fields = {*UNIONS[group][values["kind"]].model_fields}
    assert {*values} - {"path", "corpus"} == fields


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("mining", {*MiningConfig.model_fields}),
        ("evaluation", {*EvaluationConfig.model_fields}),
        (
            "execution",
            {*Execution.model_fields} - {"output", "data_paths", "model_paths", "ranking_paths", "tracker", "labels"},
        ),
    ],
)
def test_groups_of_one_choice_spell_out_every_parameter(name: str, fields: set[str]) -> None:
    values = yaml.safe_load((CONF / name / "default.yaml").read_text(encoding="utf-8"))
    assert {*values} == fields


def test_a_preset_is_its_values_typed_out(composer: Composer) -> None:
    preset = composer.run(["teacher=e5_large_unsupervised"])
    typed = [
        f"teacher.{name}={write_value(value)}"
        for name, value in preset.config.teacher.model_dump(exclude={"kind"}).items()
    ]
    assert composer.run(["teacher=hub", *typed]).run_id == preset.run_id


def test_values_survive_the_command_line(composer: Composer) -> None:
    prompt = 'it\'s a "query": {a, b} = [1]\\'
    run = composer.run(["teacher=hub", "teacher.name=some/model", f"teacher.query_prompt={write_value(prompt)}"])
    assert isinstance(run.config.teacher, DenseTeacher)
    assert run.config.teacher.query_prompt == prompt


def test_nested_values_survive_the_command_line(composer: Composer) -> None:
    rows = [{"teacher": DenseTeacher(name="m", layers=(0, 2)).model_dump(), "miner": TopKPercPos().model_dump()}]
    run = composer.run([f"mining.common_with={write_value(rows)}"])
    assert [item.model_dump(exclude=set(TRAVELS)) for item in run.config.mining.common_with] == rows


def test_a_data_folder_names_the_collection_and_stays_out_of_the_run_id(composer: Composer, tmp_path: Path) -> None:
    for place in ("here", "there"):
        (tmp_path / place / "toy").mkdir(parents=True)
    here = composer.run(["data=beir", f"data.path={tmp_path}/here/toy"])
    there = composer.run(["data=beir", f"data.path={tmp_path}/there/toy"])
    named = composer.run(["data=beir", f"data.path={tmp_path}/here/toy", "data.name=other"])
    assert here.config.data == BeirData(name="toy", positives="all")
    assert here.execution.data_paths == {"toy": tmp_path / "here" / "toy"}
    assert here.run_id == there.run_id != named.run_id
    assert named.execution.data_paths == {"other": tmp_path / "here" / "toy"}


def test_a_model_folder_is_named_by_its_content(composer: Composer, tmp_path: Path) -> None:
    folder = tmp_path / "bert"
    folder.mkdir()
    (folder / "config.json").write_text("{}", encoding="utf-8")
    command = ["teacher=hub", f"teacher.name={folder}", "student=hub", f"student.name={folder}"]
    run = composer.run(command)
    assert isinstance(run.config.teacher, DenseTeacher)
    assert (run.config.teacher.source, run.config.teacher.name) == ("folder", "bert")
    assert run.execution.model_paths == {"bert": folder}
    (folder / "config.json").write_text('{"changed": 1}', encoding="utf-8")
    assert composer.run(command).run_id != run.run_id


def test_two_model_folders_of_one_name_are_refused(composer: Composer, tmp_path: Path) -> None:
    for parent in ("one", "two"):
        (tmp_path / parent / "bert").mkdir(parents=True)
        (tmp_path / parent / "bert" / "config.json").write_text("{}", encoding="utf-8")
    command = ["teacher=hub", f"teacher.name={tmp_path}/one/bert", "student=hub", f"student.name={tmp_path}/two/bert"]
    with pytest.raises(UserError, match="have the same folder name"):
        composer.run(command)


def test_execution_is_no_part_of_the_name(composer: Composer, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = composer.run([])
    other = composer.run(["tracker=none", "execution.device=cuda", "outputs=/elsewhere", "labels.arm=x"])
    assert other.execution.store == Path("/elsewhere/store")
    assert other.run_id == plain.run_id
    monkeypatch.setenv("BEIR_HOME", "/beir")
    assert Composer().run([]).execution.beir_home == Path("/beir")


def test_the_fast_path_composes_what_hydra_composes(composer: Composer) -> None:
    from omegaconf import OmegaConf

    overrides = ["student=tiny", "miner=topk_abs", "miner.threshold=0.4", "+train.extra=1", "evaluation.splits=[dev]"]
    loaded = composer.loader.load_configuration("config", overrides, run_mode=RunMode.RUN)
    expected: dict[str, Any] = {name: loaded[name] for name in loaded if name not in {"hydra", "study"}}
    assert composer.config(overrides) == OmegaConf.to_container(OmegaConf.create(expected), resolve=True)


def test_a_studys_common_settings_skip_the_kinds_that_lack_them(composer: Composer) -> None:
    assert composer.run(["study=demo", "train=none"]).config.train.model_dump() == {"kind": "none"}


def test_last_wins_keeps_one_override_per_key() -> None:
    assert last_wins(["a=1", "b=2", "a=3"]) == ["a=3", "b=2"]


def test_build_leaves_its_input_alone(composer: Composer, tmp_path: Path) -> None:
    config = composer.config(["data=beir", f"data.path={tmp_path}"])
    assert build(config).run_id == build(config).run_id


def test_a_model_folder_is_resolved_wherever_it_stands(composer: Composer, tmp_path: Path) -> None:
    for name in ("bert", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text(json.dumps({"name": name}), encoding="utf-8")
    rows = [{"teacher": {"kind": "dense", "name": str(tmp_path / "other")}, "miner": {"kind": "random"}}]
    run = composer.run(
        ["teacher=hub", f"teacher.name={tmp_path}/bert", f"mining.common_with={write_value(rows)}", "student=tiny"]
    )
    (listed,) = run.config.mining.common_with
    assert isinstance(listed.teacher, DenseTeacher)
    assert (listed.teacher.source, listed.teacher.name) == ("folder", "other")
    assert (
        listed.teacher.revision
        == composer.run(["teacher=hub", f"teacher.name={tmp_path}/other"]).config.teacher.model_dump()["revision"]
    )
    assert run.execution.model_paths == {name: tmp_path / name for name in ("bert", "other")}
    again = with_model_paths(run.config.mining.model_dump(mode="json"), run.execution.model_paths)
    assert (
        composer.run(
            [
                f"mining.common_with={write_value(again['common_with'])}",
                "teacher=hub",
                f"teacher.name={tmp_path}/bert",
                "student=tiny",
            ]
        ).run_id
        == run.run_id
    )

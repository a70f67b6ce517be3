"""Arms from the command line and studies from a file anywhere, through the real command."""

from __future__ import annotations

from pathlib import Path

import pytest

from experiments.command.compose import CONF
from experiments.command.own_study import search_folder
from experiments.command.quoting import accept
from experiments.run import main


def shown(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    capsys.readouterr()
    assert main(arguments) == 0, capsys.readouterr().err
    return capsys.readouterr().out


def test_an_arm_is_added_behind_the_declared_ones(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arm = "study.arms.mine=[miner=topk_abs,miner.threshold=0.6]"
    out = shown(["-m", "study=demo", arm, "dry_run=true", f"outputs={tmp_path}"], capsys)
    assert "topk_percpos, mine" in out
    lines = [line for line in out.splitlines() if " main / mine / seed 0" in line]
    plain = shown([*DEMO, "miner=topk_abs", "miner.threshold=0.6", "dry_run=true"], capsys)
    assert [line.split()[0] for line in lines] == [plain.split()[1]]


DEMO = [
    "teacher.precision=bf16",
    *(f"data.{one}" for one in ("passages=3000", "train_queries=480", "dev_queries=100", "test_queries=800")),
    *("data.multi_share={train: 0.5, dev: 0.1, test: 0.1}", "data.positives=one", "mining.positive_within=20"),
    *(f"train.{one}" for one in ("steps=60", "batch_size=16", "learning_rate=1e-4", "temperature=0.05")),
    *(f"train.{one}" for one in ("freeze_token_embeddings=true", "attention=eager", "dropout=0.0", "precision=bf16")),
    *(f"evaluation.{one}" for one in ("query_length=64", "passage_length=64", "precision=bf16")),
]
"""The demo's common settings, typed out."""


@pytest.mark.parametrize(
    ("typed", "taken"),
    [
        ("study.arms.a=[miner=random]", "study.arms.a=['miner=random']"),
        ("study.arms.a=[train=none, 'seed=1']", "study.arms.a=['train=none','seed=1']"),
        ("study.arms.a=[x=[1,2],y='a,b']", "study.arms.a=['x=[1,2]','y=\\'a,b\\'']"),
        ("study.arms.a=[]", "study.arms.a=[]"),
    ],
)
def test_overrides_in_a_list_need_no_quotes(typed: str, taken: str) -> None:
    assert accept([typed], many=True) == [taken]


def test_a_study_from_a_file_lies_where_it_was_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (CONF / "study" / "demo.yaml").read_text(encoding="utf-8")
    (tmp_path / "mine.yaml").write_text(text.replace("name: demo", "name: mine"), encoding="utf-8")
    study = f"study={tmp_path}/mine.yaml"
    own = shown(["-m", study, "dry_run=true", f"outputs={tmp_path}/out"], capsys)
    demo = shown(["-m", "study=demo", "dry_run=true", f"outputs={tmp_path}/out"], capsys)
    assert own.replace("study mine", "study demo") == demo
    assert search_folder() is None


def test_a_mistake_in_it_names_the_file_and_the_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine.yaml").write_text(
        "# @package _global_\nstudy:\n  name: x\n  arms: {a: [miner=random]}\n  sede: 1\n", encoding="utf-8"
    )
    assert main(["-m", f"study={tmp_path}/mine.yaml", "dry_run=true"]) == 2
    assert f"{tmp_path}/mine.yaml:5: " in capsys.readouterr().err


def test_a_name_that_is_taken_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "demo.yaml").write_text("", encoding="utf-8")
    assert main(["-m", f"study={tmp_path}/demo.yaml"]) == 2
    assert "conf/study has a study demo of its own: rename the file" in capsys.readouterr().err

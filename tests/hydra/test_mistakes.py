"""Every mistake on the command line is one line that names the value, and exit code 2."""

from __future__ import annotations

from pathlib import Path

import pytest

from experiments.run import main

MISTAKES = {
    "minr=random": "did you mean 'miner'",
    "seeed=1": "did you mean 'seed'",
    "miner=topk_foo": "the group miner has no 'topk_foo'",
    "miner.threshold=0.7": "miner=naive_topk has no threshold; those that have one: topk_abs",
    "miner=topk_abs miner.treshold=1": "did you mean 'threshold'",
    "miner=topk_percpos miner.threshold=3": "miner.threshold=3: should be less than or equal to 2",
    "miner=a,b": "add -m",
    "train.steps=5,6": "add -m",
    "miner=random miner=topk_abs": "miner is given 2 times",
    "teacher=[bm25,random]": "takes one choice",
    "train.steps=0": "train.steps=0: should be greater than or equal to 1",
    "train.temperature=nan": "train.temperature=nan",
    "data.passages=many": "data.passages=many",
    "data=beir": "give data.path=FOLDER",
    "data=beir data.path=no_such_folder": "data.path=no_such_folder: there is no such folder",
    "data.path=no_such_folder": "add data=beir",
    "teacher=hub": "teacher.name is not set",
    "execution.workers=0": "execution.workers=0",
    "tracker.mode=sometimes": "tracker.mode=sometimes: should be 'auto', 'online' or 'offline'",
    "mining.selection=sampled mining.num_negatives=20": "raise sample_from",
    "until=mine train=none": "drop one of the two",
    "study=demo": "add -m",
    "-m study=demo,layout": "one study at a time",
    "-m study=demo study.sedes=[1]": "did you mean 'seeds'",
    "-m outptus=x": "did you mean 'outputs'",
    "-m hydra/launcher=paralel": "did you mean 'parallel'",
    "miner=[": "cannot be read as KEY=VALUE",
    "miner=null": "miner=null: the group miner needs a choice (it has: naive_topk",
    "-m study=null": "study=null: the group study needs a choice",
    "outputs=null": "outputs is empty",
    "+foo=1": "there is no key or group 'foo'",
    "+miner.foo=1": "miner has no key 'foo' (miner=naive_topk has no parameters)",
    "seed=-1": "seed=-1: should be greater than or equal to 0",
    "seed=null": "seed=null: should be a valid integer",
    "evaluation.tasks=SciFact": "evaluation.tasks=SciFact: should be a list: write evaluation.tasks=[SciFact]",
    "evaluation.splits=[train]": "evaluation.splits=train: should be 'test', 'dev' or 'heldout'",
    "mining.common_with=[foo]": "mining.common_with=foo: should be a mapping",
    "--foo": "unrecognized arguments: --foo",
    "--cfg foo": "argument --cfg/-c: invalid choice: 'foo'",
    "seed=1 -m study=no_such": "the group study has no 'no_such'",
}


@pytest.mark.parametrize("command", MISTAKES)
def test_one_clear_line(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*command.split(), "dry_run=true"]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.count("\n") == 1
    assert MISTAKES[command] in shown.err


@pytest.mark.parametrize("flags", [[], ["-m"]])
def test_dry_run_is_yes_or_no(flags: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*flags, "dry_run=maybe"]) == 2
    assert capsys.readouterr().err == "error: dry_run=maybe: should be true or false\n"


@pytest.mark.parametrize("text", ["outputs=null", "outputs=' '", "execution.store=null", "execution.store=''"])
@pytest.mark.parametrize("flags", [[], ["-m"], ["-m", "study=demo"]])
def test_no_folder_is_made_where_none_is_given(
    flags: list[str], text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([*flags, text]) == 2
    shown = capsys.readouterr().err
    assert f"{text.partition('=')[0]} is empty: give the folder" in shown
    assert shown.count("\n") == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("key", ["outputs", "execution.store"])
@pytest.mark.parametrize("flags", [[], ["-m"]])
def test_where_nothing_can_be_written(
    flags: list[str], key: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    assert main([*flags, f"outputs={tmp_path}/outputs", f"{key}={tmp_path}/file/below"]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert f"error: {key}={tmp_path}/file/below: no folder to write to (Not a directory)" in shown.err


def test_a_folder_without_a_model_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["teacher=hub", f"teacher.name={tmp_path}", "dry_run=true"]) == 2
    assert "holds no model" in capsys.readouterr().err

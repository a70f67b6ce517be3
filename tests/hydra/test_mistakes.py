"""Every mistake on the command line is one line that names the value, and exit code 2."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path

import pytest

from experiments import status
from experiments.command import compose
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
    "execution.engine=gpu": "execution.engine=gpu: should be 'process', 'pool' or 'ray'",
    "execution.devices=[cpu]": "devices=['cpu'] are a pool's, and engine=process: use engine=pool",
    "tracker.mode=sometimes": "tracker.mode=sometimes: should be 'auto', 'online' or 'offline'",
    "mining.selection=sampled mining.num_negatives=20": "raise sample_from",
    "until=mine train=none": "drop one of the two",
    "study=demo": "add -m",
    "-m study=demo,layout": "one study at a time",
    "-m study=demo study.sedes=[1]": "did you mean 'seeds'",
    "-m outptus=x": "did you mean 'outputs'",
    "-m hydra/launcher=paralel": "did you mean 'parallel'",
    "miner=[": "cannot be read as KEY=VALUE",
    "miner=null": "miner=null: the group miner needs a choice (it has: given, naive_topk",
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
    "=3": "there is no key or group ''",
    "labels=3": "the command fills this in itself",
    "run_name=x": "the command fills this in itself",
    "data=beir data.path=": "data.path is empty: give a folder",
    "data=beir data.path='/a=b,c'": "data.path=/a=b,c: there is no such folder",
    "data=beir data.path='~nobody/x y'": "there is no such folder",
    "data=beir data.path=a,b": "(a comma inside one value: \"data.path='a,b'\")",
    "data=beir 'data.path=${nowhere}'": "data.path: Interpolation key 'nowhere' not found",
    "teacher=hub teacher.name=a,b": "(a comma inside one value: \"teacher.name='a,b'\")",
    "train.steps=5=6": "train.steps=5=6: should be a valid integer",
    "seed=99999999999999999999": "less than or equal to 2147483647",
    "train.steps=99999999999999999999": "less than or equal to 2147483647",
    "data.split_seed=-99999999999999999999": "greater than or equal to -2147483647",
    "miner=topk_abs miner.threshold=99999999999999999999": "less than or equal to 1000000",
    "miner=topk_marginpos miner.threshold=-1": "greater than or equal to 0",
    "mining.num_negatives=101": "more than the mining.depth=100 candidates that are looked at",
    "scale=cpu": "scale=cpu: this belongs to a study: name one with -m study=NAME",
    "-m miner=random,naive_topk only=[main]": "only=[main]: this belongs to a study",
    "miner=topk_percpos teacher=random": "under teacher=random, whose scores tell nothing, that keeps no row",
    "-m study=demo study.seeds=[]": "study.seeds=[]: should have at least 1 item",
    "-m study=demo study.seeds=[0,0]": "seeds holds 0 more than once",
    "-m study=demo study.seeds=[-1]": "greater than or equal to 0",
    "-m study=demo study.seeds=null": "should be a list: write study.seeds=[...]",
    "-m study=demo study.seeds=3": "should be a list: write study.seeds=[3]",
    "-m study=demo study.arms={}": "edit the file",
    "-m study=demo study.arms.random=[miner=topk_abs]": "the study has an arm of that name",
    "-m study=demo study.arms.abs.6=[miner=topk_abs]": "has a name without a point",
    "-m study=demo study.arms.mine=[miner=topk_abss]": "topk_abss",
    "-m study=fig1_thresholds study.arms.mine=[miner=random]": "lists its arms, so a new one has no place",
    "-m study=./nowhere.yaml": "study=./nowhere.yaml: there is no such file",
    "-m study=own_data": "data.name is not set: give data.path=FOLDER",
    "-m study=demo study.name=..": "study.name=..: should be letters, digits",
    "-m study=demo 'study.name=a b'": "study.name=a b: should be letters, digits",
    "-m study=demo study.margin=-1": "study.margin=-1: should be greater than 0",
    "-m study=demo tracker=none tracker.mode=online": "tracker=none has no mode; those that have one: wandb",
    "-m study=learning_rate study.choose.random_dev.values=[1.0e-4,1.0e-4]": "holds 0.0001 more than once",
}


@pytest.mark.parametrize("command", MISTAKES)
def test_one_clear_line(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([*shlex.split(command), "dry_run=true"]) == 2
    check_one_line(capsys, MISTAKES[command])
    assert not list(tmp_path.iterdir())


def check_one_line(capsys: pytest.CaptureFixture[str], says: str) -> None:
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.count("\n") == 1
    assert shown.err.startswith("error: ")
    assert "Traceback" not in shown.err
    assert says in shown.err


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


HEAD = "# @package _global_\ndefaults:\n  - override /train: infonce\n"
STUDY = HEAD + "study:\n  name: x\n"

STUDY_FILES = {
    "tab": (HEAD + "study:\n\tname: x\n", "conf/study/broken.yaml:5: no YAML (a tab: indent with spaces)"),
    "bracket": (STUDY + "  arms: {a: [b\n", "conf/study/broken.yaml:7: no YAML (expected"),
    "twice": (STUDY + "  arms: {a: []}\n  arms: {b: []}\n", "broken.yaml:7: 'arms' is given more than once"),
    "empty": ("", "broken.yaml:1: no settings"),
    "list": ("- a\n", "broken.yaml:1: no settings"),
    "no package": ("study:\n  name: x\n  arms: {a: []}\n", "# @package _global_"),
    "no study": (HEAD, "there is no section 'study:'"),
    "study is text": (HEAD + "study: x\n", "broken.yaml:4: study should be a mapping"),
    "no name": (HEAD + "study:\n  arms: {a: []}\n", "broken.yaml:4: study.name is not set"),
    "key": (STUDY + "  sedes: [1]\n", "broken.yaml:6: study.sedes: no such key, did you mean 'seeds'?"),
    "section": (STUDY + "  arms: {a: []}\ntrian:\n  steps: 3\n", "broken.yaml:7: no such key 'trian', did you mean"),
    "setting": (STUDY + "  arms: {a: []}\ntrain:\n  stps: 3\n", "broken.yaml:8: main / a / seed 0: train.stps=3:"),
    "arms": (STUDY + "  arms: [a, b]\n", "broken.yaml:6: study.arms=['a', 'b']: should be a mapping"),
    "arm": (STUDY + "  arms: {a: miner=random}\n", "broken.yaml:6: study.arms.a=miner=random: should be a list of"),
    "arm without overrides": (STUDY + "  arms: {a: {miner: random}}\n", "study.arms.a: should be a list of overrides"),
    "no arms": (STUDY + "  arms: {}\n", "broken.yaml:4: study: there is no arm"),
    "no blocks": (STUDY + "  arms: {a: []}\n  blocks: {}\n", "blocks is empty"),
    "block names": (STUDY + "  arms: {a: []}\n  blocks: {a/b: {}}\n", "block name 'a/b' should be letters"),
    "block without arms": (STUDY + "  arms: {a: []}\n  blocks: {b: {arms: []}}\n", "block 'b' has no arm"),
    "seeds": (STUDY + "  seeds: [1, 1]\n  arms: {a: []}\n", "seeds holds 1 more than once"),
    "override": (STUDY + "  arms: {a: [minr=random]}\n", "broken.yaml:6: main / a / seed 0: minr=random: there is no"),
    "value": (STUDY + "  arms: {a: [mining.depth=0]}\n", "broken.yaml:6: main / a / seed 0: mining.depth=0"),
    "arm sets seed": (STUDY + "  arms: {a: [seed=3]}\n", "arm 'a' sets seed=3"),
    "arm sets study": (STUDY + "  arms: {a: [study=demo]}\n", "arm 'a' sets study=demo"),
    "same": (STUDY + "  arms: {a: [], b: [miner=naive_topk]}\n", "arms 'a' and 'b' of block main are the same run"),
    "itself": (STUDY + "  arms: {a: []}\n  contrasts: [{name: c, arm: a, baseline: a}]\n", "compares 'a' with itself"),
    "circle": (
        STUDY + "  arms: {a: {overrides: [], rows_of: [b]}, b: {overrides: [], rows_of: [a]}}\n",
        "arm 'a' takes its rows_of an arm that takes them of 'a'",
    ),
    "group": ("# @package _global_\ndefaults:\n  - override /trian: infonce\nstudy: {}\n", "no group 'trian'"),
    "choice": ("# @package _global_\ndefaults:\n  - override /train: infnce\nstudy: {}\n", "did you mean 'infonce'"),
    "no override": ("# @package _global_\ndefaults:\n  - train: none\nstudy: {}\n", "write 'override /train: none'"),
}


@pytest.fixture(scope="module")
def conf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(shutil.copytree(compose.CONF, tmp_path_factory.mktemp("broken") / "conf"))


@pytest.mark.parametrize("name", STUDY_FILES)
def test_a_broken_study_file_is_one_line_with_its_place(
    name: str, conf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text, says = STUDY_FILES[name]
    (conf / "study" / "broken.yaml").write_text(text, encoding="utf-8")
    monkeypatch.setattr(compose, "CONF", conf)
    monkeypatch.chdir(tmp_path)
    assert main(["-m", "study=broken"]) == 2
    check_one_line(capsys, says)
    assert {path.name for path in tmp_path.rglob("*")} <= {"outputs", "store", "in_use.lock"}


def test_a_study_file_that_is_not_utf8_is_one_line(
    conf: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (conf / "study" / "broken.yaml").write_bytes(b"# @package _global_\nstudy:\n  name: \xff\n")
    monkeypatch.setattr(compose, "CONF", conf)
    assert main(["-m", "study=broken", "dry_run=true"]) == 2
    check_one_line(capsys, "conf/study/broken.yaml: not UTF-8 text")


def test_the_command_that_fills_a_study_can_be_copied(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "it's=mine, yes"
    folder.mkdir()
    settings = ["data=beir", f"data.path={folder}", "study.name=mine", f"outputs={tmp_path}/out=1"]
    assert status.main(["demo", *settings]) == 1
    (line,) = [text for text in capsys.readouterr().out.splitlines() if text.startswith("to fill: ")]
    python, flag, module, *arguments = shlex.split(line.removeprefix("to fill: "))
    assert (python, flag, module) == ("python", "-m", "experiments.run")
    assert arguments == ["-m", "study=demo", *settings]
    assert main([*arguments, "dry_run=true"]) == 0

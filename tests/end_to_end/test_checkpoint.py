"""Another run's trained student as teacher and as student, through the real command."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from experiments.config import CheckpointTeacher, TinyStudent
from experiments.models.student import load_trained
from experiments.models.trained import Trained
from experiments.run import main
from experiments.stages.embed import embed
from experiments.store import Store
from tests.helpers.beir import write_beir
from tests.helpers.toy import toy_execution

SMALL = (
    "tracker=none teacher=static student=tiny mining.num_negatives=2 mining.depth=30 train.steps=6 train.batch_size=8 "
    "train.learning_rate=0.001 train.query_length=24 train.passage_length=24 evaluation.query_length=24 "
    "evaluation.passage_length=24 execution.device=cpu execution.threads=1 execution.progress=false "
)


def command(root: Path, *arguments: str) -> list[str]:
    given = {text.partition("=")[0] for text in arguments}
    small = [text for text in SMALL.split() if text.partition("=")[0] not in given]
    if "train=none" in arguments:
        small = [text for text in small if not text.startswith("train.")]
    return [*small, "data=beir", f"data.path={root}/toy", f"outputs={root}/outputs", *arguments]


def records(root: Path) -> dict[str, dict[str, Any]]:
    paths = (root / "outputs" / "store" / "records").glob("*/*.json")
    return {path.parent.name: json.loads(path.read_text(encoding="utf-8")) for path in paths}


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A root with one finished run, and its run_id."""
    root = tmp_path_factory.mktemp("checkpoint")
    write_beir(root / "toy", documents=80, train=24, test=10)
    assert main(command(root, "execution.results=null")) == 0
    (run,) = records(root)
    return root, run


def test_a_trained_student_mines_for_the_next(first: tuple[Path, str]) -> None:
    root, run = first
    arguments = command(root, "execution.results=null", "teacher=checkpoint", f"teacher.run={run}")
    assert main(arguments) == 0
    (second,) = (one for name, one in records(root).items() if name != run)
    assert second["config"]["teacher"]["run"] == run
    assert second["artifacts"][f"checkpoint {run[:8]}"] == records(root)[run]["artifacts"]["train"]
    assert second["mining"]["kept"] > 0
    assert second["artifacts"]["mine"] != records(root)[run]["artifacts"]["mine"]
    assert main([*arguments, "dry_run=true"]) == 0


def test_its_vectors_are_those_of_the_weights_that_were_saved(first: tuple[Path, str], tmp_path: Path) -> None:
    root, run = first
    key = records(root)[run]["artifacts"]["train"]
    folder = root / "outputs" / "store" / "train" / key / "model"
    execution = toy_execution(tmp_path)
    found = Trained(run=run, student=TinyStudent(), folder=folder, weights="a")
    teacher = CheckpointTeacher(run=run, max_length=24)
    texts = ["river forest", "violin trumpet guitar piano", "tiger"]

    def vectors(found: Trained) -> tuple[Any, str]:
        made, artifact = embed(
            texts,
            encoder=teacher,
            role="query",
            store=Store(tmp_path),
            execution=execution,
            trained=lambda _: found,
        )
        return np.array(made), artifact.key

    got, key = vectors(found)
    model = load_trained(TinyStudent(), folder, execution=execution, precision="fp32", attention="sdpa")
    assert np.allclose(got, model.encode_query(texts), atol=1e-6)
    again, other_key = vectors(Trained(run=run, student=TinyStudent(), folder=folder, weights="b"))
    assert other_key != key
    assert np.array_equal(got, again)


def test_training_goes_on_from_the_other_runs_weights(first: tuple[Path, str]) -> None:
    root, run = first
    more = ["execution.results=null", "student=checkpoint", f"student.run={run}"]
    assert main(command(root, *more, "train.learning_rate=1e-9")) == 0
    assert main(command(root, *more, "train=none")) == 0
    mine = {name: one for name, one in records(root).items() if one["config"]["student"].get("run") == run}
    (untrained,) = (one for one in mine.values() if one["training"] is None)
    (trained,) = (one for one in mine.values() if one["training"] is not None)
    assert untrained["tasks"] == records(root)[run]["tasks"]

    store = root / "outputs" / "store" / "train"
    start, end = (
        load_file(store / one["artifacts"]["train"] / "model" / "model.safetensors")
        for one in (records(root)[run], trained)
    )
    assert start.keys() == end.keys()
    assert all(torch.allclose(start[name], end[name], atol=1e-6) for name in start)
    assert trained["training"]["loss"][0][1] < records(root)[run]["training"]["loss"][0][1]


def test_weights_that_are_not_in_the_store_are_trained_again(first: tuple[Path, str], tmp_path: Path) -> None:
    root, run = first
    shutil.copytree(root / "toy", tmp_path / "toy")
    published = tmp_path / "published"
    shutil.copytree(root / "outputs" / "store" / "records" / run, published / "records" / run)
    arguments = command(
        tmp_path, f"execution.results={published}", "student=checkpoint", f"student.run={run}", "train=none"
    )
    assert main(arguments) == 0
    (made,) = records(tmp_path).values()
    assert made["tasks"] == records(root)[run]["tasks"]
    assert made["artifacts"][f"checkpoint {run[:8]}"] == records(root)[run]["artifacts"]["train"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["teacher=checkpoint"], "teacher.run is not set"),
        (["teacher=checkpoint", "teacher.run=last"], "teacher.run=last: should be the run_id of another run"),
        (["teacher=checkpoint", "teacher.run=0123456789abcdef"], "run 0123456789abcdef: there is no record of it in"),
        (["student=checkpoint", "student.run=0123456789abcdef"], "run 0123456789abcdef: there is no record of it in"),
    ],
)
def test_a_run_that_is_not_known_is_one_line(
    arguments: list[str], says: str, first: tuple[Path, str], capsys: pytest.CaptureFixture[str]
) -> None:
    for dry in ("dry_run=true", "dry_run=false"):
        assert main(command(first[0], *arguments, dry)) == 2
        error = capsys.readouterr().err
        assert error.startswith(f"error: {says}")
        assert error.count("\n") == 1


def test_a_run_that_trains_nothing_has_no_student(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_beir(tmp_path / "toy", documents=60, train=16, test=6)
    assert main(command(tmp_path, "execution.results=null", "until=mine")) == 0
    (run,) = records(tmp_path)
    capsys.readouterr()
    assert main(command(tmp_path, "execution.results=null", "teacher=checkpoint", f"teacher.run={run}")) == 2
    assert capsys.readouterr().err == (
        f"error: run {run} stops after mining, so it has no student: name a run that trains one\n"
    )

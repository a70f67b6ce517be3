"""Precomputed teachers through the real command: round trips of other teachers' candidates, names, mistakes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from experiments.collections.load import load_collection
from experiments.command.compose import Composer
from experiments.command.quoting import accept
from experiments.config import BeirData
from experiments.execution import Execution
from experiments.ir import NO_DOCUMENT
from experiments.run import main
from tests.helpers.beir import write_beir

SMALL = (
    "tracker=none until=mine miner=topk_percpos mining.num_negatives=2 mining.depth=20 data=beir "
    "execution.device=cpu execution.threads=1 execution.progress=false execution.results=null"
)


def command(root: Path, *arguments: str) -> list[str]:
    return [*SMALL.split(), f"data.path={root}/toy", f"outputs={root}/outputs", *arguments]


def record(root: Path, run: str) -> dict[str, Any]:
    (path,) = (root / "outputs" / "store" / "records" / run).glob("*.json")
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def mined(root: Path, *arguments: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The record of a run, and the arrays of what it mined."""
    assert main(command(root, *arguments)) == 0
    run = Composer().run(accept(command(root, *arguments), many=False)).run_id
    found = record(root, run)
    with np.load(root / "outputs" / "store" / "mine" / found["artifacts"]["mine"] / "mined.npz") as arrays:
        return found, {name: arrays[name] for name in arrays.files}


def write_trec(root: Path, found: dict[str, Any], path: Path) -> Path:
    """The candidates and the judged pairs of a run, as its retrieve artifact holds them."""
    execution = Execution(store=root / "read", data_paths={"toy": root / "toy"})
    collection = load_collection(BeirData(name="toy"), execution=execution, cache=root / "read")
    train = collection.splits["train"]
    (key,) = (key for name, key in found["artifacts"].items() if name.startswith("retrieve"))
    lines = set()
    with np.load(root / "outputs" / "store" / "retrieve" / key / "candidates.npz") as stored:
        for q, row in enumerate(stored["document"]):
            pairs = zip(row, stored["score"][q], strict=True)
            lines |= {(q, d, repr(float(score))) for d, score in pairs if d != NO_DOCUMENT}
        judged = zip(train.qrels.query, train.qrels.document, stored["positive_score"], strict=True)
        lines |= {(q, d, repr(float(score))) for q, d, score in judged}
    text = "".join(f"{train.queries.ids[q]} Q0 {collection.corpus.ids[d]} 0 {score} x\n" for q, d, score in lines)
    path.write_text(text, encoding="utf-8")
    return path


def test_a_run_file_of_bm25_mines_what_bm25_mines(tmp_path: Path) -> None:
    write_beir(tmp_path / "toy", documents=80, train=24, test=10)
    own, arrays = mined(tmp_path, "teacher=bm25")
    path = write_trec(tmp_path, own, tmp_path / "bm25_run.trec")
    given = ("teacher=precomputed", "teacher.format=trec", f"teacher.path={path}")
    found, others = mined(tmp_path, *given)
    assert arrays.keys() == others.keys()
    for name in arrays:
        floats = np.issubdtype(arrays[name].dtype, np.floating)
        assert np.array_equal(arrays[name], others[name], equal_nan=floats), name
    assert found["mining"] == own["mining"] | {"no_anchor": 0, "ended": 0}
    teacher = found["config"]["teacher"]
    assert (teacher["name"], teacher["format"], len(teacher["content"])) == ("bm25_run", "trec", 16)
    assert str(tmp_path) not in json.dumps(found["config"])

    # The same content elsewhere is the same run; another is another.
    moved = shutil.copy(path, tmp_path / "elsewhere.trec")
    composer = Composer()

    def run_id(*more: str) -> str:
        return composer.run([*given[:2], "data.name=toy", "data=beir", *more]).run_id

    assert run_id(f"teacher.path={moved}", "teacher.name=bm25_run") == run_id(f"teacher.path={path}")
    with Path(moved).open("a", encoding="utf-8") as file:
        file.write("q0 Q0 d0 1 0 x\n")
    assert run_id(f"teacher.path={moved}", "teacher.name=bm25_run") != run_id(f"teacher.path={path}")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["teacher=precomputed"], "teacher.path is not set"),
        (["teacher=precomputed", "teacher.path=nowhere.trec"], "teacher.path=nowhere.trec: there is no such file"),
        (["teacher=precomputed", "teacher.path={root}"], "teacher.format is not set"),
        (["teacher=precomputed", "teacher.path={root}", "teacher.format=csv"], "teacher.format=csv: should be one of"),
        (["teacher=precomputed", "teacher.path=", "teacher.format=trec"], "teacher.path is empty"),
        (["teacher=precomputed", "teacher.path={root}", "teacher.format=parquet"], "{root} holds no *.parquet"),
        (["teacher=precomputed", "teacher.path={root}", "teacher.format=trec"], "{root} is no file: format=trec"),
        (
            ["teacher=precomputed", "teacher.path={root}", "teacher.format=embeddings"],
            "{root}/documents.npy is missing: format=embeddings needs",
        ),
        (
            ["teacher=precomputed", "teacher.path={root}/toy/corpus.jsonl", "teacher.format=trec", "teacher.split=nq"],
            "teacher: split=nq: only format=lists has splits",
        ),
    ],
)
def test_files_that_are_not_there_are_one_line(
    arguments: list[str], says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_beir(tmp_path / "toy", documents=20, train=4, test=4)
    assert main(command(tmp_path, *(text.format(root=tmp_path) for text in arguments))) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert error.startswith(f"error: {says.format(root=tmp_path)}")

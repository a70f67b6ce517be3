"""How a student does on dev queries is told while it is trained, and changes nothing of it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import pytest

from experiments import pipeline
from experiments.collections.load import load_own
from experiments.config import BeirData, EvaluationConfig, InfoNCE, RunConfig
from experiments.errors import UserError
from experiments.evaluation.dev import ndcg_of
from experiments.evaluation.reading import reading_of
from experiments.evaluation.student import load_student
from experiments.execution import Execution
from experiments.records.folder import find_record
from experiments.stages.targets import dev_targets
from experiments.tracking import DEV, RunStopped
from experiments.tracking.none import NullTracker
from tests.helpers.beir import write_beir
from tests.helpers.toy import toy_config

STEPS = 6


class Heard(NullTracker):
    """Keeps what it is told, and stops the run at a step."""

    def __init__(self, stop_at: int | None = None) -> None:
        self.students: list[str] = []
        self.dev: dict[int, float] = {}
        self.ends: list[bool] = []
        self.stop_at = stop_at

    def student(self, key: str) -> None:
        self.students.append(key)

    def log(self, step: int, values: Mapping[str, float]) -> None:
        if DEV in values:
            self.dev[step] = values[DEV]
        if step == self.stop_at:
            raise RunStopped

    def abort(self, *, stopped: bool = False) -> None:
        self.ends.append(stopped)


@pytest.fixture(scope="module")
def collection(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_beir(tmp_path_factory.mktemp("watch") / "toy")


def execution(root: Path, collection: Path, every: int | None) -> Execution:
    return Execution(
        store=root, output=root / "out", data_paths={"toy": collection}, device="cpu", threads=1, progress=False,
        dev_every=every,
    )  # fmt: skip


def config(steps: int = STEPS, **changes: object) -> RunConfig:
    train = InfoNCE(steps=steps, batch_size=8, learning_rate=1e-3, query_length=12, passage_length=16, dropout=0.1)
    evaluation = EvaluationConfig(splits=("dev",), query_length=20, passage_length=40)
    return toy_config(train=train, data=BeirData(name="toy"), evaluation=evaluation, **changes)


def weights(store: Path) -> str:
    (file,) = store.glob("train/*/model/**/model.safetensors")
    return hashlib.sha256(file.read_bytes()).hexdigest()


def test_the_quick_look_agrees_with_mteb(tmp_path: Path, collection: Path) -> None:
    where, heard = execution(tmp_path, collection, every=STEPS - 1), Heard()
    record = pipeline.run(config(), where, listeners=[heard])
    assert list(heard.dev) == [STEPS - 1]
    assert heard.students == [record.artifacts["train"]]
    trained = tmp_path / "train" / record.artifacts["train"] / "model"
    model = load_student(
        config().student, reading=reading_of(config()), trained=trained, fitted=None, execution=where
    )  # fmt: skip
    targets = dev_targets(config(), load_own(config().data, execution=where, cache=tmp_path / "collections"))
    # Read at other lengths before and after, as in training.
    model[0].query_length, model[0].document_length = 3, 4
    found = ndcg_of(model, targets, reading=reading_of(config()), batch_size=7)
    assert found == pytest.approx(record.tasks["toy/dev"].measures["nDCG@10"], abs=1e-6)
    assert (model[0].query_length, model[0].document_length) == (3, 4)


def test_watching_changes_neither_the_student_nor_the_record(tmp_path: Path, collection: Path) -> None:
    plain = pipeline.run(config(), execution(tmp_path / "plain", collection, every=None))
    watched = pipeline.run(config(), execution(tmp_path / "watched", collection, every=1), listeners=[Heard()])
    assert weights(tmp_path / "plain") == weights(tmp_path / "watched")
    assert watched.training == plain.training
    assert watched.run_id == plain.run_id
    assert watched.tasks == plain.tasks


def test_a_stopped_run_leaves_neither_student_nor_record(tmp_path: Path, collection: Path) -> None:
    heard, where = Heard(stop_at=3), execution(tmp_path, collection, every=2)
    with pytest.raises(RunStopped):
        pipeline.run(config(), where, listeners=[heard])
    assert heard.ends == [True]
    assert find_record([tmp_path], config().run_id) is None
    assert [path for path in (tmp_path / "train").iterdir() if path.suffix != ".lock"] == []
    assert list(heard.dev) == [2]


def test_a_student_that_is_there_is_not_told_again(tmp_path: Path, collection: Path) -> None:
    where, heard = execution(tmp_path, collection, every=2), Heard()
    pipeline.run(config(), where)
    other = config().model_copy(update={"evaluation": EvaluationConfig(splits=("dev",), query_length=20)})
    pipeline.run(other, where, listeners=[heard])
    assert heard.students == []
    assert heard.dev == {}


def test_a_collection_without_dev_queries_is_refused(tmp_path: Path) -> None:
    folder = write_beir(tmp_path / "toy", dev=0)
    plain = config().model_copy(update={"evaluation": EvaluationConfig()})
    with pytest.raises(UserError, match="dev"):
        pipeline.run(plain, execution(tmp_path / "store", folder, every=2))

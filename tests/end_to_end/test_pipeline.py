"""One run in process, on a generated collection: what is shared, what is made once, what a failure leaves."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from experiments import contents, pipeline, versions
from experiments.collections import kept, load
from experiments.collections.beir import read_beir
from experiments.collections.raw import RawCollection
from experiments.collections.splits import LEAKING_ELSEWHERE
from experiments.config import (
    BeirData,
    Bm25Teacher,
    EvaluationConfig,
    InfoNCE,
    MiningConfig,
    NaiveTopK,
    NoTraining,
    RandomMiner,
    RunConfig,
    TinyStudent,
    TopKPercPos,
)
from experiments.errors import UserError
from experiments.execution import Execution
from experiments.pipeline import runs, steps
from experiments.records import folder
from experiments.records.folder import find_record, record_paths
from experiments.records.schema import PER_QUERY_COLUMNS, RunRecord
from experiments.records.scores import scores_path
from experiments.stages import mine as mine_stage
from experiments.tracking.none import NullTracker
from experiments.versions import MINE, STAGES, Stage
from tests.helpers.beir import write_beir

TRAIN = InfoNCE(steps=4, batch_size=8, query_length=16, passage_length=32)


@pytest.fixture(scope="module")
def execution(tmp_path_factory: pytest.TempPathFactory) -> Execution:
    root = tmp_path_factory.mktemp("pipeline")
    folder = write_beir(root / "toy")
    return Execution(
        store=root / "store", output=root / "out", data_paths={"toy": folder}, device="cpu", threads=1, progress=False
    )


@pytest.fixture
def warned(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """What the pipeline has warned of so far."""
    return lambda: [
        entry.getMessage()
        for entry in caplog.records
        if entry.name == "experiments" and entry.levelno == logging.WARNING
    ]


def make_config(**changes: Any) -> RunConfig:
    values: dict[str, Any] = {
        "data": BeirData(name="toy"),
        "teacher": Bm25Teacher(),
        "miner": NaiveTopK(),
        "mining": MiningConfig(depth=30),
        "student": TinyStudent(),
        "train": TRAIN,
        "evaluation": EvaluationConfig(query_length=16, passage_length=32),
    }
    return RunConfig(**{**values, **changes})


def made(record: RunRecord) -> set[str]:
    """The stages that this run executed itself: a reused artifact takes no time."""
    return {name.split()[0] for name, seconds in record.timings.items() if name != "wall" and seconds > 0}


def artifacts(execution: Execution, stage: str) -> int:
    return len(list((execution.store / stage).glob("*/artifact.json")))


def test_methods_and_seeds_share_one_search_and_equal_rows_train_once(execution: Execution) -> None:
    first = pipeline.run(make_config(), execution)
    assert set(first.tasks) == {"toy/test"}
    assert artifacts(execution, "retrieve") == 1
    pipeline.run(make_config(miner=TopKPercPos(threshold=0.9)), execution)
    pipeline.run(make_config(miner=RandomMiner()), execution)
    pipeline.run(make_config(seed=1), execution)
    assert artifacts(execution, "retrieve") == 1
    trained = artifacts(execution, "train")
    same_rows = pipeline.run(make_config(miner=TopKPercPos(threshold=0.9000001)), execution)
    assert artifacts(execution, "train") == trained
    assert same_rows.run_id != first.run_id


def test_the_same_run_again_executes_nothing(execution: Execution) -> None:
    config = make_config()
    first = pipeline.run(config, execution)
    before = {path: path.stat().st_mtime_ns for path in execution.store.rglob("*") if path.is_file()}
    again = pipeline.run(config, execution)
    assert again == first
    assert before == {path: path.stat().st_mtime_ns for path in execution.store.rglob("*") if path.is_file()}


def test_per_query_scores_average_to_the_record_and_to_mteb(execution: Execution) -> None:
    record = pipeline.run(make_config(), execution)
    (path,) = record_paths(execution.store, record.run_id)
    frame = pd.read_parquet(scores_path(path))
    assert tuple(frame.columns) == PER_QUERY_COLUMNS
    scores = record.tasks["toy/test"]
    assert len(frame) == scores.queries
    for measure, mean in scores.measures.items():
        assert frame[measure].mean() == pytest.approx(mean, abs=1e-12)
    assert scores.mteb == pytest.approx(scores.measures["nDCG@10"], abs=5.1e-6)


def test_a_run_that_failed_half_way_goes_on_from_its_last_whole_artifact(
    execution: Execution, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = make_config(seed=7)

    def fail(**_: object) -> None:
        raise RuntimeError("machine lost")

    with monkeypatch.context() as patch:
        patch.setattr(steps, "evaluate", fail)
        with pytest.raises(RuntimeError, match="machine lost"):
            pipeline.run(config, execution)
    assert find_record([execution.store], config.run_id) is None
    record = pipeline.run(config, execution)
    assert record.timings["train"] == 0.0
    assert record.cost["train"] > 0.0
    assert find_record([execution.store], config.run_id) == record


def raise_version(patch: pytest.MonkeyPatch, stage: Stage) -> None:
    """As if the meaning of the stage's numbers had been changed."""
    raised = replace(stage, version=stage.version + 1)
    current = tuple(raised if other.name == stage.name else other for other in STAGES)
    for module in (folder, versions):
        patch.setattr(module, "STAGES", current)
    patch.setattr(mine_stage, "MINE", raised)


def test_an_outdated_record_is_mined_anew_and_taken_over_where_the_rows_are_the_same(
    execution: Execution, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = make_config(seed=11)
    first = pipeline.run(config, execution)
    trained, mined = artifacts(execution, "train"), artifacts(execution, "mine")
    raise_version(monkeypatch, MINE)
    again = pipeline.run(config, execution)
    assert artifacts(execution, "train") == trained
    assert artifacts(execution, "mine") == mined + 1
    assert again.versions["mine"] == MINE.version + 1
    assert again.artifacts["mine"] != first.artifacts["mine"]
    assert (again.tasks, again.per_query, again.training) == (first.tasks, first.per_query, first.training)
    assert pipeline.run(config, execution) == again


def test_an_outdated_record_whose_rows_differ_is_run_again(
    execution: Execution, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = make_config(seed=12)
    first = pipeline.run(config, execution)
    raise_version(monkeypatch, MINE)
    mine = steps.mine_stage

    def other_rows(**options: Any) -> Any:
        mined, artifact = mine(**options)
        return replace(mined, negatives=mined.negatives.take(np.arange(len(mined.negatives))[::-1])), artifact

    monkeypatch.setattr(steps, "mine_stage", other_rows)
    again = pipeline.run(config, execution)
    assert again.artifacts["train"] != first.artifacts["train"]


def test_a_record_says_where_it_comes_from(execution: Execution) -> None:
    record = pipeline.run(make_config(seed=13), execution)
    origin = record.provenance
    assert origin is not None
    assert origin.started <= origin.finished
    assert not any(str(execution.store.parent) in text for text in origin.argv)
    assert record.digest == record.content_digest


def test_without_training_the_student_is_measured_as_it_is(execution: Execution) -> None:
    record = pipeline.run(make_config(train=NoTraining()), execution)
    assert record.mining is None
    assert record.training is None
    assert 0.0 <= record.tasks["toy/test"].measures["nDCG@10"] <= 1.0


def test_until_mine_stops_before_the_student(execution: Execution) -> None:
    trained = artifacts(execution, "train")
    record = pipeline.run(make_config(until="mine", miner=TopKPercPos(threshold=0.7)), execution)
    assert record.tasks == {}
    assert record.mining is not None
    assert record.mining.mined > 0
    assert artifacts(execution, "train") == trained


def test_reveal_removes_every_known_false_negative(execution: Execution) -> None:
    hidden = pipeline.run(make_config(until="mine"), execution)
    revealed = pipeline.run(make_config(until="mine", mining=MiningConfig(depth=30, reveal=1.0)), execution)
    assert hidden.mining is not None
    assert revealed.mining is not None
    assert hidden.mining.known_false > 0
    assert revealed.mining.known_false == 0


def test_changed_data_under_the_same_name_is_refused(tmp_path: Path) -> None:
    folder = write_beir(tmp_path / "toy")
    execution = Execution(store=tmp_path / "store", data_paths={"toy": folder}, device="cpu", threads=1, progress=False)
    config = make_config(until="mine")
    pipeline.run(config, execution)
    write_beir(folder, seed=1)
    with pytest.raises(UserError, match="give the changed collection another name"):
        pipeline.run(config, execution)


def test_a_changed_collection_that_was_only_measured_on_is_refused_and_one_that_is_gone_is_not(
    tmp_path: Path, warned: Callable[[], list[str]]
) -> None:
    folders = {name: write_beir(tmp_path / name, seed=seed) for name, seed in (("toy", 0), ("other", 3))}
    execution = Execution(store=tmp_path / "store", data_paths=folders, device="cpu", threads=1, progress=False)
    evaluation = EvaluationConfig(collections=("toy", "other"), query_length=16, passage_length=32)
    config = make_config(train=NoTraining(), evaluation=evaluation)
    record = pipeline.run(config, execution)
    assert pipeline.run(config, execution) == record
    write_beir(folders["other"], seed=4)
    with pytest.raises(UserError, match=r"was recorded on other with content .*give the changed collection another"):
        pipeline.run(config, execution)
    assert warned() == []
    for place in folders.values():
        place.rename(place.with_name(f"{place.name}_moved"))
    assert pipeline.run(config, execution) == record
    assert {line.partition(":")[0] for line in warned()} == {
        f"{name} is not compared with what finished runs were recorded on" for name in folders
    }


def test_a_finished_run_reads_no_text_while_its_files_stay_and_sees_when_they_do_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contents, "SETTLED_NS", 0)
    monkeypatch.setattr(kept, "_KEPT", kept.OrderedDict())
    read: list[str] = []

    def spied(data: BeirData, *, execution: Execution, cache: Path) -> RawCollection:
        read.append(data.name)
        return read_beir(data, execution=execution, cache=cache)

    monkeypatch.setattr(load, "read_beir", spied)
    folders = {name: write_beir(tmp_path / name, seed=seed) for name, seed in (("toy", 0), ("other", 3))}
    repeat(folders["toy"], of=folders["other"], queries=5)
    execution = Execution(store=tmp_path / "store", data_paths=folders, device="cpu", threads=1, progress=False)
    execution.store.mkdir()
    evaluation = EvaluationConfig(collections=("toy", "other"), query_length=16, passage_length=32)
    untrained, trained = make_config(train=NoTraining(), evaluation=evaluation), make_config(evaluation=evaluation)
    records = [pipeline.run(config, execution) for config in (untrained, trained)]
    assert records[1].collections["toy"].report[LEAKING_ELSEWHERE] == 5
    assert read == ["toy", "other"]

    def read_again() -> list[str]:
        """What a new process reads that asks for both runs."""
        read.clear()
        kept._KEPT.clear()
        assert [pipeline.run(config, execution) for config in (untrained, trained)] == records
        return sorted(read)

    assert read_again() == ["other", "toy"]  # what training queries of other collections leave is not known yet
    assert read_again() == []
    for note in execution.store.glob("collections/content-*.json"):
        note.write_text("{", encoding="utf-8")
    assert read_again() == ["other", "toy"]
    assert read_again() == []
    (folders["other"] / "corpus.jsonl").touch()
    assert read_again() == ["other"]
    assert read_again() == []
    write_beir(folders["other"], seed=4)
    for config in (untrained, trained):
        kept._KEPT.clear()
        with pytest.raises(UserError, match="was recorded on other with content"):
            pipeline.run(config, execution)


class BrokenAtTheEnd(NullTracker):
    """A tracker that cannot be finished."""

    def finish(self, record: RunRecord) -> None:
        raise OSError("no\nspace left")

    def abort(self, *, stopped: bool = False) -> None:
        raise AssertionError("a recorded run is not aborted")


def test_a_tracker_that_fails_after_the_record_is_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, warned: Callable[[], list[str]]
) -> None:
    folder = write_beir(tmp_path / "toy")
    execution = Execution(store=tmp_path / "store", data_paths={"toy": folder}, device="cpu", threads=1, progress=False)
    monkeypatch.setattr(runs, "make_tracker", lambda _: BrokenAtTheEnd())
    config = make_config(until="mine")
    assert pipeline.run(config, execution) == find_record([execution.store], config.run_id)
    assert warned() == [f"run {config.run_id} is recorded, but its tracker did not finish (OSError: no space left)"]


def test_training_without_a_train_split_is_one_clear_line(tmp_path: Path) -> None:
    folder = write_beir(tmp_path / "toy", train=0)
    execution = Execution(store=tmp_path / "store", data_paths={"toy": folder}, device="cpu", threads=1, progress=False)
    with pytest.raises(UserError, match="train"):
        pipeline.run(make_config(), execution)
    assert pipeline.run(make_config(train=NoTraining()), execution).tasks


@pytest.mark.parametrize(
    ("evaluation", "message"),
    [
        ({}, "toy has no test split"),
        ({"splits": ("dev",), "collections": ("toy", "absent")}, "absent is not a folder"),
        ({"splits": ("dev",), "tasks": ("NoSuchTask",)}, "mteb has no task 'NoSuchTask'"),
    ],
)
def test_what_cannot_be_measured_is_said_before_anything_is_made(
    tmp_path: Path, evaluation: dict[str, Any], message: str
) -> None:
    folder = write_beir(tmp_path / "toy", test=0)
    execution = Execution(store=tmp_path / "store", data_paths={"toy": folder}, beir_home=tmp_path, threads=1)
    with pytest.raises(UserError, match=message):
        pipeline.run(make_config(evaluation=EvaluationConfig(**evaluation)), execution)
    assert not (tmp_path / "store").exists()


def repeat(trained: Path, *, of: Path, queries: int) -> None:
    """Give the last train queries of one folder the texts of another's first test queries, and of a train query."""
    rows = [json.loads(line) for line in (trained / "queries.jsonl").read_text(encoding="utf-8").splitlines()]
    asked = [json.loads(line) for line in (of / "queries.jsonl").read_text(encoding="utf-8").splitlines()]
    for number in range(queries):  # test queries come first in the file, train queries last
        rows[-1 - number]["text"] = asked[number]["text"].upper()
    rows[-1 - queries]["text"] = asked[-1]["text"]  # a training query of the other collection is nobody's test
    (trained / "queries.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def test_no_query_of_any_collection_that_is_measured_on_is_trained_on(tmp_path: Path) -> None:
    toy, other = (write_beir(tmp_path / name, seed=seed) for name, seed in (("toy", 0), ("other", 3)))
    repeat(toy, of=other, queries=5)
    execution = Execution(
        store=tmp_path / "store", data_paths={"toy": toy, "other": other}, device="cpu", threads=1, progress=False
    )
    own = pipeline.run(make_config(), execution)
    config = make_config(evaluation=EvaluationConfig(collections=("toy", "other"), query_length=16, passage_length=32))
    record = pipeline.run(config, execution)
    assert own.mining is not None
    assert record.mining is not None
    assert (own.mining.queries, record.mining.queries) == (40, 35)
    facts = record.collections["toy"]
    assert facts.queries["train"] == 35
    assert facts.report["train_queries_of_other_evaluated_collections_removed"] == 5
    assert facts.content_hash != own.collections["toy"].content_hash
    assert "train_queries_of_other_evaluated_collections_removed" not in own.collections["toy"].report
    assert pipeline.run(config, execution) == record
    other.rename(tmp_path / "moved")
    assert pipeline.run(config, execution) == record

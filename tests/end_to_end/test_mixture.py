"""A mixture run whole: its rows are those of its parts, nothing crosses corpora, and every part is measured."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from experiments import judge, pipeline
from experiments.collections.load import load_as_trained
from experiments.config import (
    BeirData,
    Bm25Teacher,
    CommonWith,
    DenseTeacher,
    EvaluationConfig,
    GuideMask,
    InfoNCE,
    MiningConfig,
    MixtureData,
    NaiveTopK,
    RunConfig,
    TinyStudent,
    TopKPercPos,
)
from experiments.errors import UserError
from experiments.execution import Execution
from experiments.ir import NO_DOCUMENT
from experiments.records.mining import MiningFacts
from experiments.records.schema import RunRecord
from experiments.records.scores import scores_path
from experiments.stages.mine import load_mined
from tests.helpers.beir import write_beir

TRAIN = InfoNCE(steps=4, batch_size=8, query_length=16, passage_length=32)
READ = {"query_length": 16, "passage_length": 32}
PARTS: dict[str, Any] = {"rivers": {"positives": "one"}, "hills": {"positives": "one", "positive_within": 20}}


@pytest.fixture(scope="module")
def execution(tmp_path_factory: pytest.TempPathFactory) -> Execution:
    """Three collections: two to train on, of which hills has no dev split, and one to measure on alone."""
    root = tmp_path_factory.mktemp("mixture")
    write_beir(root / "rivers", documents=120, seed=1)
    write_beir(root / "hills", documents=90, train=60, dev=0, test=15, seed=2)
    write_beir(root / "seas", documents=60, train=0, dev=0, test=12, seed=3)
    return Execution(store=root / "store", output=root / "out", beir_home=root, device="cpu", threads=1, progress=False)


def make_config(**changes: Any) -> RunConfig:
    values: dict[str, Any] = {
        "data": MixtureData(name="land", parts=PARTS),
        "teacher": Bm25Teacher(),
        "miner": NaiveTopK(),
        "mining": MiningConfig(depth=30),
        "student": TinyStudent(),
        "train": TRAIN,
        "evaluation": EvaluationConfig(**READ),
    }
    return RunConfig(**{**values, **changes})


def plain(name: str, *, within: int | None = None, **changes: Any) -> RunConfig:
    """The run on one collection alone."""
    mining = MiningConfig(depth=30, positive_within=within)
    return make_config(**{"data": BeirData(name=name, positives="one"), "mining": mining, **changes})


def named_rows(config: RunConfig, execution: Execution) -> dict[str, list[tuple[str, ...]]]:
    """What a run mined, read from its artifacts: by collection, (query, positive, negatives) as ids."""
    record = pipeline.run(config, execution)
    own = load_as_trained(config, execution=execution, cache=execution.store / "collections")
    rows: dict[str, list[tuple[str, ...]]] = {}
    for name, one in own.items():
        label = "mine" if len(own) == 1 else f"mine {name}"
        mined = load_mined(execution.store / "mine" / record.artifacts[label]).negatives
        queries, ids = one.splits["train"].queries.ids, one.corpus.ids
        rows[name] = [
            (queries[query], ids[positive], *(ids[d] for d in documents if d != NO_DOCUMENT))
            for query, positive, documents in zip(mined.query, mined.positive, mined.document, strict=True)
        ]
    return rows


@pytest.fixture(scope="module")
def record(execution: Execution) -> RunRecord:
    return pipeline.run(make_config(), execution)


def test_its_rows_are_those_that_each_part_would_mine_alone(record: RunRecord, execution: Execution) -> None:
    rows = named_rows(make_config(), execution)
    alone = {
        **named_rows(plain("rivers", until="mine"), execution),
        **named_rows(plain("hills", within=20, until="mine"), execution),
    }
    assert rows == alone
    assert record.training is not None
    assert record.training.rows == sum(map(len, alone.values()))


def test_its_record_holds_the_whole_config(record: RunRecord) -> None:
    assert record.run_config() == make_config()
    assert record.run_config().run_id == record.run_id


def test_a_part_shares_its_artifacts_with_a_plain_run(record: RunRecord, execution: Execution) -> None:
    alone = pipeline.run(plain("hills", within=20, until="mine"), execution)
    assert alone.artifacts["mine"] == record.artifacts["mine hills"]


def test_every_part_is_measured_on_the_splits_that_it_has(record: RunRecord, execution: Execution) -> None:
    assert set(record.tasks) == {"rivers/test", "hills/test"}
    both = pipeline.run(make_config(evaluation=EvaluationConfig(splits=("dev", "test"), **READ)), execution)
    assert set(both.tasks) == {"rivers/dev", "rivers/test", "hills/test"}
    with pytest.raises(UserError, match="heldout"):
        pipeline.run(make_config(evaluation=EvaluationConfig(splits=("heldout",), **READ)), execution)


@pytest.mark.parametrize(
    ("names", "tasks"),
    [
        (("land", "seas"), {"rivers/test", "hills/test", "seas/test"}),
        (("seas", "hills"), {"hills/test", "seas/test"}),
        (("seas",), {"seas/test"}),
    ],
)
def test_other_collections_are_tests_beside_the_parts(
    names: tuple[str, ...], tasks: set[str], execution: Execution
) -> None:
    found = pipeline.run(make_config(evaluation=EvaluationConfig(collections=names, **READ)), execution)
    assert set(found.tasks) == tasks
    assert set(found.collections) == {"rivers", "hills", *(name for name in names if name == "seas")}


def test_a_part_is_measured_as_a_plain_run_measures_it(execution: Execution) -> None:
    parts = {"rivers": {"search_corpus": "judged"}, "hills": {}}
    mixed = pipeline.run(make_config(data=MixtureData(parts=parts), train={"kind": "none"}), execution)
    for name, part in parts.items():
        alone = plain(name, data=BeirData(name=name, **part), train={"kind": "none"})
        assert mixed.tasks[f"{name}/test"] == pipeline.run(alone, execution).tasks[f"{name}/test"]


def test_the_record_has_the_counts_of_each_part_and_their_total(record: RunRecord, execution: Execution) -> None:
    alone = {
        "rivers": pipeline.run(plain("rivers", until="mine"), execution).mining,
        "hills": pipeline.run(plain("hills", within=20, until="mine"), execution).mining,
    }
    assert record.mining_parts == alone
    assert record.mining is not None
    for name in ("queries", "rows", "kept", "mined", "known_false", "candidates", "hidden"):
        assert getattr(record.mining, name) == sum(getattr(part, name) for part in alone.values())
    _check_means(record.mining, record.mining_parts)
    bins = {bin_.label: bin_.mined for bin_ in record.mining.known_false_by_rank}
    assert list(bins) == ["1", "2", "3", "4"]
    assert sum(bins.values()) == record.mining.mined


def _check_means(total: MiningFacts, parts: dict[str, MiningFacts]) -> None:
    weights = [part.ranked for part in parts.values()]
    for name in ("mean_rank", "mean_gap", "mean_negative_score"):
        values = [getattr(part, name) for part in parts.values()]
        assert getattr(total, name) == pytest.approx(np.average(values, weights=weights), rel=1e-6)


def test_the_order_in_which_parts_are_written_changes_nothing(record: RunRecord, execution: Execution) -> None:
    turned = make_config(data=MixtureData(name="land", parts=dict(reversed(PARTS.items()))))
    assert turned.run_id == record.run_id
    again = Execution(**{**execution.model_dump(), "store": execution.store.parent / "turned"})
    other = pipeline.run(turned, again)
    assert other.artifacts == record.artifacts
    assert other.per_query == record.per_query
    assert scores_path(next((again.store / "records" / other.run_id).glob("*.json"))).is_file()


def test_what_is_asked_in_another_part_s_test_is_not_trained_on(execution: Execution, tmp_path: Path) -> None:
    home = tmp_path / "leaking"
    for name, seed in (("a", 4), ("b", 5), ("zero", 6)):
        write_beir(home / name, documents=60, train=30 if name != "zero" else 0, dev=0, test=8, seed=seed)
    leaks = _repeat(home, train="a", tests=[("b", 3), ("zero", 2)])
    here = execution.model_copy(update={"beir_home": home, "store": tmp_path / "store"})
    data = MixtureData(parts={"a": {}, "b": {}})
    removed = "train_queries_of_other_evaluated_collections_removed"
    own = pipeline.run(make_config(data=data, until="mine"), here)
    assert own.collections["a"].report[removed] == 3  # b's test queries, whether they are measured or not
    everywhere = EvaluationConfig(collections=("mixture", "zero"), **READ)
    trained = pipeline.run(make_config(data=data, evaluation=everywhere), here)
    assert trained.collections["a"].report[removed] == 5
    assert removed not in trained.collections["b"].report
    texts = load_as_trained(make_config(data=data, evaluation=everywhere), execution=here, cache=tmp_path)
    assert not leaks & set(texts["a"].splits["train"].queries.normalised)
    assert trained.mining_parts["a"].queries == 25
    assert pipeline.run(make_config(data=data, evaluation=everywhere), here) == trained  # unchanged folders pass


def _repeat(home: Path, *, train: str, tests: list[tuple[str, int]]) -> set[str]:
    """Give the last train queries of `train` the texts of other collections' first test queries, written larger."""
    path = home / train / "queries.jsonl"
    queries = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    texts: list[str] = []
    for name, count in tests:
        lines = (home / name / "queries.jsonl").read_text(encoding="utf-8").splitlines()
        texts += [json.loads(line)["text"] for line in lines[:count]]
    for query, text in zip(reversed(queries), texts, strict=False):
        query["text"] = text.upper()
    path.write_text("".join(json.dumps(query) + "\n" for query in queries), encoding="utf-8")
    return {text.casefold() for text in texts}


def test_batches_by_collection_make_another_student_of_the_same_rows(record: RunRecord, execution: Execution) -> None:
    data = MixtureData(name="land", parts=PARTS, batches="by_collection")
    pure = pipeline.run(make_config(data=data), execution)
    mined = {name for name in record.artifacts if name.startswith("mine ")}
    assert {name: pure.artifacts[name] for name in mined} == {name: record.artifacts[name] for name in mined}
    assert pure.artifacts["train"] != record.artifacts["train"]
    assert pure.per_query != record.per_query


def test_a_part_too_small_to_fill_a_batch_is_refused_by_name(execution: Execution) -> None:
    parts = {"rivers": {}, "hills": {"train_queries": 2, "positives": "one"}}
    with pytest.raises(UserError, match=r"2 training rows of hills are fewer than train\.batch_size=8"):
        pipeline.run(make_config(data=MixtureData(parts=parts, batches="by_collection")), execution)


def test_shares_hand_out_the_queries(execution: Execution) -> None:
    data = MixtureData(train_queries=20, parts={"rivers": {"share": 3}, "hills": {"share": 1}})
    found = pipeline.run(make_config(data=data, until="mine"), execution)
    assert {name: part.queries for name, part in found.mining_parts.items()} == {"rivers": 15, "hills": 5}


def test_hidden_positives_are_revealed_only_where_some_are_hidden(execution: Execution) -> None:
    mining = MiningConfig(depth=30, reveal=1.0)
    data = MixtureData(parts={"rivers": {"positives": "one"}, "hills": {"positives": "all"}})
    mixed = pipeline.run(make_config(data=data, mining=mining, until="mine"), execution)
    hides = pipeline.run(plain("rivers", mining=mining, until="mine"), execution)
    shows = pipeline.run(plain("hills", data=BeirData(name="hills", positives="all"), until="mine"), execution)
    assert mixed.mining_parts == {"rivers": hides.mining, "hills": shows.mining}


def test_common_rows_are_found_inside_each_part(execution: Execution) -> None:
    strict = CommonWith(teacher=Bm25Teacher(), miner=TopKPercPos(threshold=0.3))
    mining = MiningConfig(depth=30, common_with=(strict,))
    data = MixtureData(parts={"rivers": {"positives": "one"}, "hills": {"positives": "one"}})
    rows = named_rows(make_config(data=data, mining=mining, until="mine"), execution)
    alone = {
        **named_rows(plain("rivers", mining=mining, until="mine"), execution),
        **named_rows(plain("hills", mining=mining, until="mine"), execution),
    }
    assert rows == alone
    everything = named_rows(make_config(data=data, until="mine"), execution)
    assert sum(map(len, rows.values())) < sum(map(len, everything.values()))


def test_negatives_to_judge_come_from_every_part(
    execution: Execution, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = pipeline.run(make_config(until="mine"), execution)
    assert execution.beir_home is not None
    monkeypatch.setenv("BEIR_HOME", str(execution.beir_home))
    arguments = [f"naive={found.run_id}", "--store", str(execution.store), "--out", str(tmp_path / "sheets")]
    assert judge.main([*arguments, "--per-arm", "40", "--twice", "3"]) == 0
    key = (tmp_path / "sheets" / "key.csv").read_text(encoding="utf-8").splitlines()[1:]
    places = [line.split(",")[4:6] for line in key]
    assert all(query.split("/")[0] == document.split("/")[0] for query, document in places)
    assert {query.split("/")[0] for query, _ in places} == {"rivers", "hills"}


def test_a_guide_masks_over_the_parts(execution: Execution) -> None:
    mask = GuideMask(teacher=DenseTeacher(source="embedded_static", name="static"))
    guide = InfoNCE(steps=2, batch_size=8, query_length=16, passage_length=32, mask=mask)
    found = pipeline.run(make_config(train=guide), execution)
    assert found.training is not None
    assert found.training.masked is not None

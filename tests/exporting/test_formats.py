"""Every format through the real command: what is read back by its own software is what the store holds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pandas as pd
import pytest
import yaml

from experiments import export
from experiments.collections.load import load_collection
from experiments.config import BeirData, MiningConfig, MixtureData, RandomMiner
from experiments.execution import Execution
from experiments.records.schema import RunRecord
from tests.helpers.beir import write_beir
from tests.helpers.exports import execution_in, finish, stored_rows


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("exports")


@pytest.fixture(scope="module")
def record(root: Path) -> RunRecord:
    return finish(root, until="mine")


@pytest.fixture(autouse=True)
def _home(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BEIR_HOME", str(root))
    monkeypatch.setenv("HF_DATASETS_CACHE", str(root / "cache"))


def exported(root: Path, record: RunRecord, out: Path, *arguments: str) -> Path:
    command = [record.run_id[:10], "--store", str(root / "store"), "--device", "cpu", "--out", str(out), *arguments]
    assert export.main(command) == 0
    return out


def check_negatives(table: pd.DataFrame, rows: list[dict[str, Any]]) -> None:
    """The table of negatives is the store's, in its order."""
    pairs = [(row, slot) for row in rows for slot in range(len(row["negatives"]))]
    assert table["negative_id"].tolist() == [row["negative_ids"][slot] for row, slot in pairs]
    assert table["query_id"].tolist() == [row["query_id"] for row, _ in pairs]
    assert table["positive_id"].tolist() == [row["positive_id"] for row, _ in pairs]
    assert table["rank"].tolist() == [row["ranks"][slot] for row, slot in pairs]
    assert table["score"].tolist() == pytest.approx([row["scores"][slot] for row, slot in pairs], rel=1e-6)


@pytest.mark.parametrize("file", [None, "jsonl", "parquet"])
@pytest.mark.parametrize("name", ["triplet", "n-tuple", "labeled-list", "labeled-pair"])
def test_the_formats_of_sentence_transformers(
    root: Path, record: RunRecord, tmp_path: Path, name: str, file: str | None
) -> None:
    out = exported(root, record, tmp_path / "out", "--format", name, *(["--file", file] if file else []))
    if file is None:
        table = datasets.load_from_disk(str(out)).to_pandas()
        beside = pd.read_parquet(out / "negatives.parquet")
    elif file == "jsonl":
        table, beside = (pd.read_json(out / f"{one}.jsonl", lines=True) for one in ("train", "negatives"))
    else:
        table, beside = (pd.read_parquet(out / f"{one}.parquet") for one in ("train", "negatives"))
    rows = stored_rows(record, root)
    check_negatives(beside, rows)
    assert [[plain(cell) for cell in line] for line in table.values.tolist()] == lines_of(name, rows)
    assert [*table.columns] == COLUMNS[name]
    at = {"triplet": "negative", "labeled-pair": "document"}.get(name)
    if at is not None:
        texts = [text for row in rows for text in row["negatives"]]
        assert table[at].iloc[beside["row"].tolist()].tolist() == texts
    elif name == "n-tuple":
        held = zip(beside["row"], beside["slot"], strict=True)
        assert [table[f"negative_{slot}"][row] for row, slot in held] == [t for row in rows for t in row["negatives"]]
    else:
        held = zip(beside["row"], beside["slot"], strict=True)
        assert [table["documents"][row][slot] for row, slot in held] == [t for row in rows for t in row["negatives"]]


def plain(cell: Any) -> Any:
    """pandas reads a list of Arrow as an array."""
    return cell.tolist() if isinstance(cell, np.ndarray) else cell


COLUMNS = {
    "triplet": ["anchor", "positive", "negative"],
    "n-tuple": ["anchor", "positive", "negative_1", "negative_2"],
    "labeled-list": ["anchor", "documents", "labels"],
    "labeled-pair": ["anchor", "document", "label"],
}


def lines_of(name: str, rows: list[dict[str, Any]]) -> list[list[Any]]:
    """What a format should hold, by its definition in sentence-transformers' `mine_hard_negatives`."""
    if name == "triplet":
        return [[row["query"], row["positive"], text] for row in rows for text in row["negatives"]]
    if name == "n-tuple":
        return [[row["query"], row["positive"], *row["negatives"]] for row in rows]
    if name == "labeled-list":
        return [
            [row["query"], [row["positive"], *row["negatives"]], [1, *(0 for _ in row["negatives"])]] for row in rows
        ]
    pairs: dict[tuple[str, str], list[Any]] = {}
    for row in rows:
        for label, ids, texts in (
            (1, [row["positive_id"]], [row["positive"]]),
            (0, row["negative_ids"], row["negatives"]),
        ):
            for one, text in zip(ids, texts, strict=True):
                pairs.setdefault((row["query_id"], one), [row["query"], text, label])
    return [*pairs.values()]


def test_scores_stand_where_sentence_transformers_puts_them(root: Path, record: RunRecord, tmp_path: Path) -> None:
    rows = stored_rows(record, root)
    triplets = datasets.load_from_disk(str(exported(root, record, tmp_path / "a", "--format", "triplet", "--scores")))
    pairs = [[row["positive_scores"][s], row["scores"][s]] for row in rows for s in range(2)]
    assert triplets.column_names == ["anchor", "positive", "negative", "scores"]
    assert triplets["scores"][:] == pairs
    tuples = datasets.load_from_disk(str(exported(root, record, tmp_path / "b", "--format", "n-tuple", "--scores")))
    assert tuples.column_names == ["anchor", "positive", "negative_1", "negative_2", "scores"]
    assert tuples["scores"][:] == [[row["positive_scores"][0], *row["scores"]] for row in rows]
    lists = datasets.load_from_disk(str(exported(root, record, tmp_path / "c", "--format", "labeled-list", "--scores")))
    assert lists.column_names == ["anchor", "documents", "scores"]
    assert lists["scores"][:] == tuples["scores"][:]


def test_flagembedding(root: Path, record: RunRecord, tmp_path: Path) -> None:
    """Read as its `_load_dataset` does, with the fields that its `__getitem__` takes."""
    out = exported(root, record, tmp_path / "out", "--format", "flagembedding")
    found = datasets.load_dataset(
        "json", data_files=str(out / "train.jsonl"), split="train", cache_dir=str(tmp_path / "cache")
    )
    assert [*found] == [
        {
            "query": row["query"],
            "pos": [row["positive"]],
            "neg": row["negatives"],
            "pos_scores": row["positive_scores"][:1],
            "neg_scores": row["scores"],
            "pos_id": [row["positive_id"]],
            "neg_id": row["negative_ids"],
            "prompt": "",
        }
        for row in stored_rows(record, root)
    ]


def test_a_beir_folder_is_read_again_as_the_collection_that_was_trained_on(
    root: Path, record: RunRecord, tmp_path: Path
) -> None:
    out = exported(root, record, tmp_path / "again", "--format", "beir")
    read = [
        load_collection(
            BeirData(name=name, positives="all"),
            execution=Execution(store=tmp_path, data_paths={name: folder}, progress=False),
            cache=tmp_path,
        )
        for name, folder in (("toy", root / "toy"), ("again", out))
    ]
    source, again = read
    assert again.corpus == source.corpus
    assert again.splits["test"].queries == source.splits["test"].queries
    assert again.splits["test"].qrels.content_hash == source.splits["test"].qrels.content_hash
    rows = stored_rows(record, root)
    train = again.splits["train"]
    shown = {
        (train.queries.ids[q], again.corpus.ids[d])
        for q, d in zip(train.qrels.query, train.qrels.document, strict=True)
    }
    assert shown == {(row["query_id"], row["positive_id"]) for row in rows}
    assert set(train.qrels.grade.tolist()) == {1}
    check_negatives(pd.read_json(out / "hard_negatives.jsonl", lines=True), rows)


def test_the_card_says_what_it_is(root: Path, record: RunRecord, tmp_path: Path) -> None:
    card = (exported(root, record, tmp_path / "out", "--format", "triplet") / "README.md").read_text(encoding="utf-8")
    _, header, body = card.split("---\n", 2)
    assert yaml.safe_load(header)["tags"] == ["sentence-transformers", "hard-negatives", "triplet"]
    assert record.mining is not None
    for text in (
        record.run_id,
        record.collections["toy"].content_hash[:16],
        f"| negatives | {record.mining.mined} |",
        "teacher:\n- bm25",
        "kind: naive_topk",
        f"python -m experiments.export {record.run_id} --format triplet`",
    ):
        assert text in body
    assert str(tmp_path) not in card


def test_a_mixture_names_the_part_of_each_row(root: Path, tmp_path: Path) -> None:
    write_beir(root / "hills", documents=60, train=20, dev=0, test=8, seed=2)
    parts = {"toy": {"positives": "one"}, "hills": {}}
    record = finish(root, data=MixtureData(name="land", parts=parts), until="mine")
    out = exported(root, record, tmp_path / "out", "--format", "triplet")
    rows = stored_rows(record, root)
    beside = pd.read_parquet(out / "negatives.parquet")
    check_negatives(beside, rows)
    assert beside["part"].tolist() == [row["part"] for row in rows for _ in row["negatives"]]
    assert set(beside["part"]) == {"toy", "hills"}
    found = datasets.load_from_disk(str(out)).to_pandas().values.tolist()
    assert found == lines_of("triplet", rows)


def test_rows_without_a_score_and_rows_that_are_short(root: Path, tmp_path: Path, capsys: Any) -> None:
    record = finish(root, miner=RandomMiner(), until="mine")
    out = exported(root, record, tmp_path / "a", "--format", "flagembedding")
    first = json.loads((out / "train.jsonl").read_text(encoding="utf-8").splitlines()[0])
    assert "neg_scores" not in first
    assert "pos_scores and neg_scores are left out" in capsys.readouterr().out
    refused = ["--store", str(root / "store"), "--format", "triplet", "--scores", "--out", str(tmp_path / "b")]
    assert export.main([record.run_id, *refused]) == 2
    assert "negatives have no teacher's score" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a"]


def test_rows_that_the_store_has_lost_are_mined_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record = finish(tmp_path, until="mine", mining=MiningConfig(depth=20, num_negatives=1))
    monkeypatch.setenv("BEIR_HOME", str(tmp_path))
    kept = exported(tmp_path, record, tmp_path / "kept", "--format", "triplet", "--file", "jsonl")
    (folder,) = (execution_in(tmp_path).store / "mine").glob("*/mined.npz")
    folder.unlink()
    anew = exported(tmp_path, record, tmp_path / "anew", "--format", "triplet", "--file", "jsonl")
    for name in ("train.jsonl", "negatives.jsonl"):
        assert (anew / name).read_bytes() == (kept / name).read_bytes()
    assert "mined anew, and give the counts of the run's record" in (anew / "README.md").read_text(encoding="utf-8")

"""Ensembles and rerankers through the real command: parts by name, each ranked once and shared, a student trained."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from experiments.run import main
from tests.helpers.beir import write_beir

SMALL = (
    "tracker=none mining.num_negatives=2 mining.depth=30 miner=topk_percpos mining.shortfall=backfill student=tiny "
    "train.steps=2 train.batch_size=8 execution.device=cpu execution.threads=1 execution.progress=false "
    "execution.results=null"
)


def command(root: Path, *arguments: str) -> list[str]:
    """The small settings, less those that `arguments` give anew."""
    given = {argument.partition("=")[0] for argument in arguments}
    usual = [setting for setting in SMALL.split() if setting.partition("=")[0] not in given]
    return [*usual, "data=beir", f"data.path={root}/toy", f"outputs={root}/outputs", *arguments]


def records(root: Path) -> dict[str, dict[str, Any]]:
    """By the teacher's name."""
    found = [json.loads(path.read_text(encoding="utf-8")) for path in (root / "outputs/store/records").glob("*/*.json")]
    return {one["config"]["teacher"].get("combine", one["config"]["teacher"]["kind"]): one for one in found}


def test_members_are_ranked_once_and_shared(tmp_path: Path) -> None:
    write_beir(tmp_path / "toy", documents=80, train=24, test=10)
    assert main(command(tmp_path, "teacher=bm25")) == 0
    assert main(command(tmp_path, "teacher=ensemble_cross", "teacher.members=[static,bm25]")) == 0
    assert main(command(tmp_path, "-m", "teacher=ensemble_intra", "teacher.members=[static,bm25]")) == 0
    found = records(tmp_path)
    alone, cross, intra = found["bm25"], found["cross_sample"], found["intra_sample"]
    (ranked,) = [key for name, key in alone["artifacts"].items() if name.startswith("retrieve")]
    assert ranked in cross["artifacts"].values()
    assert ranked in intra["artifacts"].values()
    assert len(list((tmp_path / "outputs/store/retrieve").glob("*/artifact.json"))) == 2
    for record in (cross, intra):
        store = tmp_path / "outputs/store/mine" / record["artifacts"]["mine"] / "mined.npz"
        with np.load(store) as mined:
            teacher = mined["teacher"]
        members = record["mining"]["members"]
        assert [member["name"] for member in members] == ["static", "bm25"]
        assert [member["negatives"] for member in members] == [int((teacher == m).sum()) for m in (0, 1)]
        assert all(member["negatives"] > 0 for member in members)
        assert record["training"]["steps"] == 2
    assert intra["mining"]["overlap"][0]["jaccard"] < 1


def test_members_in_each_part_of_a_mixture(tmp_path: Path) -> None:
    for name, documents in (("one", 60), ("two", 110)):
        write_beir(tmp_path / name, documents=documents, train=24, test=10)
    parts = [f"+data.parts.{name}={{path: {tmp_path}/{name}}}" for name in ("one", "two")]
    ensemble = ["teacher=ensemble_cross", "teacher.members=[static,bm25]", f"outputs={tmp_path}/outputs"]
    assert main([*SMALL.split(), "data=mixture", *parts, *ensemble, "until=mine"]) == 0
    (record,) = records(tmp_path).values()
    whole, of_parts = record["mining"], record["mining_parts"]
    assert set(of_parts) == {"one", "two"}
    for m in (0, 1):
        found = [part["members"][m] for part in of_parts.values()]
        for count in ("rows", "negatives", "known_false", "duplicates", "above_positive"):
            assert whole["members"][m][count] == sum(part[count] for part in found)
        ranks = [part["mean_rank"] * part["negatives"] for part in found]
        assert abs(whole["members"][m]["mean_rank"] * whole["members"][m]["negatives"] - sum(ranks)) < 1e-6
    assert whole["mean_gap"] is None


def test_a_reranker_mines_teaches_and_joins_an_ensemble(tmp_path: Path) -> None:
    write_beir(tmp_path / "toy", documents=60, train=12, test=6)
    reranker = "{preset: reranker_tiny, first_stage: bm25, max_length: 32}"
    tiny = ["teacher=reranker_tiny", "teacher.first_stage=bm25", "teacher.max_length=32"]
    # A random order leaves few rows whole, so nothing is filtered.
    naive = ["miner=naive_topk", "mining.shortfall=drop"]
    assert main(command(tmp_path, *tiny, *naive, "train=margin_mse")) == 0
    assert main(command(tmp_path, *naive, "teacher=ensemble_cross", f"teacher.members=[bm25,{reranker}]")) == 0
    found = records(tmp_path)
    alone, cross = found["reranker"], found["cross_sample"]
    assert alone["training"]["steps"] == 2
    assert alone["config"]["teacher"]["first_stage"]["kind"] == "bm25"
    retrieved = [
        {key for name, key in one["artifacts"].items() if name.startswith("retrieve")} for one in (alone, cross)
    ]
    assert len(retrieved[0]) == 2
    assert retrieved[0] == retrieved[1]
    assert [member["name"] for member in cross["mining"]["members"]] == ["bm25", "reranker_tiny"]

"""A collection of the hub through the real command, from a cache alone: by name, evaluated elsewhere, and mistakes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from experiments.export import main as export
from experiments.run import main
from tests.helpers.beir import write_beir
from tests.helpers.hub import COMMIT, as_mteb, in_cache, without_network

SMALL = (
    "tracker=none teacher=bm25 student=tiny mining.num_negatives=1 mining.depth=20 train.steps=2 train.batch_size=8 "
    "execution.device=cpu execution.threads=1 execution.progress=false execution.results=null data=beir_hub"
)


def test_a_run_by_name_records_the_commit_that_it_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    without_network(monkeypatch, tmp_path / "cache")
    for name, seed in (("toy", 0), ("other", 1)):
        plain = write_beir(tmp_path / "plain" / name, documents=60, train=12, test=6, seed=seed)
        in_cache(as_mteb(plain, tmp_path / "hub" / name), tmp_path / "cache" / "hub", f"mteb/{name}")
    base = [*SMALL.split(), f"outputs={tmp_path}/outputs"]
    assert main([*base, "data.name=toy", "evaluation.collections=[toy,other]"]) == 0
    (path,) = (tmp_path / "outputs" / "store" / "records").glob("*/*.json")
    record = json.loads(path.read_text(encoding="utf-8"))
    assert record["data_sets"] == {"mteb/toy": COMMIT}
    assert sorted(record["tasks"]) == ["other/test", "toy/test"]
    assert str(tmp_path) not in json.dumps(record["config"])
    place = ["--store", f"{tmp_path}/outputs/store", "--out", f"{tmp_path}/rows"]
    assert export([record["run_id"], "--format", "triplet", *place]) == 0
    capsys.readouterr()
    mistakes = {
        "": "data.name is not set: give data.name=scifact for the hub's mteb/scifact",
        "data.name=scifact": "the data set mteb/scifact can be had neither from the hub nor from the cache",
        "data.hub=BeIR/scifact": "the data set BeIR/scifact can be had neither",
        "data.path=nowhere": "data.path=nowhere: there is no such folder: give a folder that is a copy of a data set",
        "data.name=toy data.subset=en": "mteb/toy",
    }
    for arguments, says in mistakes.items():
        assert main([*base, *arguments.split()]) == 2, arguments
        error = capsys.readouterr().err
        assert says in error, error
        assert error.count("\n") == 1

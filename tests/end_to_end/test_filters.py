"""Bars that transfer and what is done about known false negatives, through the real command with a tiny student."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from experiments.run import main
from tests.helpers.beir import write_beir

SMALL = (
    "tracker=none teacher=bm25 student=tiny data=beir data.positives=one mining.num_negatives=2 mining.depth=30 "
    "train.steps=3 train.batch_size=4 train.query_length=16 train.passage_length=16 evaluation.query_length=16 "
    "evaluation.passage_length=16 execution.device=cpu execution.threads=1 execution.progress=false "
    "execution.results=null"
)


@pytest.mark.parametrize(
    "asked",
    [
        ["miner=topk_quantile", "miner.quantile=0.7"],
        ["miner=topk_calibrated", "miner.target=0.5"],
        ["mining.reveal=0.3", "mining.false_negatives=drop_row"],
        ["mining.reveal=1", "mining.false_negatives=relabel"],
    ],
    ids=lambda asked: asked[-1],
)
def test_trains_and_records(tmp_path: Path, asked: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_beir(tmp_path / "toy", documents=120, train=40, test=10)
    assert main([*SMALL.split(), f"data.path={folder}", f"outputs={tmp_path}/outputs", *asked]) == 0, (
        capsys.readouterr()
    )
    (path,) = (tmp_path / "outputs" / "store" / "records").glob("*/*.json")
    record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    facts = record["mining"]
    assert record["training"]["steps"] == 3
    assert facts["kept"] >= 4
    match asked[-1].partition("=")[2]:
        case "0.7":
            assert facts["rejected"] / facts["candidates"] == pytest.approx(0.3, abs=0.02)
        case "0.5":
            assert facts["calibration"]["hidden"] >= 50
            assert (
                sum(found["hidden"] for found in facts["calibration"]["reliability"]) == facts["calibration"]["hidden"]
            )
            assert facts["calibration"]["chosen"] < 0.5
        case "drop_row":
            assert facts["dropped_rows"] + facts["kept"] + facts["short_rows"] == facts["rows"]
            assert facts["dropped_rows"] > 0
        case "relabel":
            assert facts["rows"] == 40 + facts["relabelled"] > 40
            assert facts["known_false"] == 0


def test_too_little_to_learn_from_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_beir(tmp_path / "toy", documents=120, train=10, test=10)
    asked = [*SMALL.split(), f"data.path={folder}", f"outputs={tmp_path}/outputs", "miner=topk_calibrated"]
    assert main(asked) != 0
    printed = capsys.readouterr()
    assert "hidden positives among the candidates of training queries, and a fit needs 50" in printed.out + printed.err
    assert "Traceback" not in printed.out + printed.err

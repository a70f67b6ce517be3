"""The main job through the real command line: mine, fine-tune, evaluate, log, publish, print the table. Offline."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.beir import write_beir

ROOT = Path(__file__).resolve().parents[2]
SMALL = [
    "teacher=bm25",
    "student=tiny",
    "mining.depth=30",
    *(f"train.{setting}" for setting in ("steps=3", "batch_size=8", "query_length=16", "passage_length=32")),
    *(f"evaluation.{setting}" for setting in ("query_length=16", "passage_length=32")),
    *(f"execution.{setting}" for setting in ("threads=1", "progress=false", "results=null")),
    "study.seeds=[0,1]",
]


def python(*arguments: str, home: Path) -> str:
    """What the command printed; its exit code must be 0 and its terminal free of tracebacks."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("WANDB")},
        "OMP_NUM_THREADS": "1",
        "HF_HUB_OFFLINE": "1",
        "HOME": str(home),
    }
    done = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A study run once with the default tracker: its folder, and what was printed."""
    root = tmp_path_factory.mktemp("main_job")
    write_beir(root / "toy", dev=0)  # fewer train queries than the demo's own data sets aside for dev
    return root, python(*command(root), home=root)


def command(root: Path) -> list[str]:
    """The demo on one's own data, with models that train in seconds."""
    own = ["data=beir", f"data.path={root}/toy", f"outputs={root}/outputs", "study.name=toy"]
    return ["-m", "experiments.run", "-m", "study=demo", *own, *SMALL]


def test_the_plan_is_shown_and_every_run_leaves_a_record(finished: tuple[Path, str]) -> None:
    root, printed = finished
    assert "10 runs, 0 already done" in printed
    records = list((root / "outputs/store/records").glob("*/*.json"))
    assert len(records) == 10
    assert all(json.loads(path.read_text())["tasks"]["toy/test"]["queries"] == 20 for path in records)


def test_the_plan_says_what_does_not_apply_to_ones_own_data_and_keeps_the_command(finished: tuple[Path, str]) -> None:
    root, printed = finished
    assert "toy, not the study's own: its settings for docstrings (train_queries, dev_queries)" in printed
    plan = json.loads((root / "outputs/store/studies/toy/plan.json").read_text(encoding="utf-8"))
    expectation = "nothing was declared for toy (the study's file declares it for docstrings)"
    assert plan["declaration"]["expectation"] == expectation
    assert plan["command"][:3] == ["study=demo", "data=beir", f"data.path={root}/toy"]
    assert not any("outputs" in text or "execution" in text for text in plan["command"])


def test_weights_and_biases_is_written_offline_beside_the_run_and_nowhere_else(finished: tuple[Path, str]) -> None:
    root, _ = finished
    mirrors = list((root / "outputs/runs").glob("*/wandb/offline-run-*"))
    assert len(mirrors) == 10
    # matplotlib, which draws the figures of the study's page, keeps a folder of its own under .config.
    assert {path.name for path in root.iterdir()} <= {"toy", "outputs", ".cache", ".config"}


def test_the_same_command_again_executes_nothing(finished: tuple[Path, str]) -> None:
    root, _ = finished
    store = root / "outputs/store"
    before = {path: path.stat().st_mtime_ns for path in store.rglob("*.json")}
    assert "10 already done" in python(*command(root), home=root)
    assert {path: path.stat().st_mtime_ns for path in store.rglob("*.json") if path in before} == before


def test_published_records_give_the_table_and_pass_the_check(finished: tuple[Path, str], tmp_path: Path) -> None:
    root, _ = finished
    results = tmp_path / "results"
    python("-m", "experiments.publish", "toy", "--store", f"{root}/outputs/store", "--results", str(results), home=root)
    printed = python("-m", "analysis", "build", "toy", "--records", str(results), home=root)
    table = (results / "toy" / "tables" / "main.md").read_text(encoding="utf-8")
    assert table.splitlines()[0] in printed
    rows = [line.split(" | ")[0].removeprefix("| ") for line in table.splitlines()[2:7]]
    assert rows == ["untrained", "random", "naive_topk", "naive_topk_reveal1", "topk_percpos"]
    assert "Missing" not in printed
    page = (results / "toy" / "README.md").read_text(encoding="utf-8")
    assert f"python -m experiments.run -m study=demo data=beir data.path={root}/toy study.name=toy " in page
    assert ".44; random .50" not in page
    python("-m", "analysis", "build", "--check", "--records", str(results), home=root)

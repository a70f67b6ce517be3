"""Runs at once: the same records as one after the other, shared work first, and a killed worker costs its run only."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from experiments.command.compose import Composer
from experiments.launchers.slurm_queue import alive
from experiments.studies.staging import staged
from tests.helpers.beir import write_beir
from tests.helpers.launching import ROOT, records, sweep_command

ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
PARALLEL = "hydra/launcher=parallel"


def run(arguments: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, check=False
    )


def kill_first_worker(driver: psutil.Process, store: Path) -> None:
    """SIGKILL the newest worker once a run has begun."""
    while not list(store.glob("failures/*.json")):
        assert driver.is_running()
        time.sleep(0.05)
    (server,) = [one for one in driver.children() if "forkserver" in " ".join(one.cmdline())]
    max(server.children(), key=lambda one: one.create_time()).send_signal(signal.SIGKILL)


@pytest.mark.timeout(900)
def test_workers_leave_the_records_of_one_process_and_a_killed_one_costs_its_run(tmp_path: Path) -> None:
    folder = write_beir(tmp_path / "toy")
    alone = run(sweep_command(folder, tmp_path / "alone"))
    assert alone.returncode == 0, alone.stderr
    several = sweep_command(folder, tmp_path / "several", PARALLEL)
    with subprocess.Popen(
        [sys.executable, *several], cwd=ROOT, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True
    ) as driver:
        kill_first_worker(psutil.Process(driver.pid), tmp_path / "several/store")
        shown = driver.communicate()[0]
    assert driver.returncode == 1
    assert shown.count("what runs share: toy, bm25  (") == 1
    assert shown.index("what runs share") < shown.index("naive_topk")
    assert shown.count("was lost (killed by SIGKILL); the others go on") == 1
    assert "1 of the runs failed" in shown
    assert f"python -m experiments.run -m data=beir data.path={folder}" in shown
    assert len(records(tmp_path / "several/store")) == 1
    again = run(several)
    assert again.returncode == 0, again.stderr
    assert len(list((tmp_path / "several/store/retrieve").glob("*/artifact.json"))) == 1
    assert records(tmp_path / "several/store") == records(tmp_path / "alone/store")


def test_shared_work_is_one_job_that_its_runs_wait_for(composer: Composer) -> None:
    choices = [
        ["teacher=minilm_l6", "miner=naive_topk"],
        ["train=none"],
        ["teacher=minilm_l6", "miner=topk_percpos", "mining.depth=50"],
        ["teacher=bm25", "miner=naive_topk"],
        ["teacher=random", "miner=naive_topk"],
        ["teacher=bm25", "mining.common_with=[{teacher: minilm_l3, miner: {kind: naive_topk}}]"],
    ]
    runs = [(composer.run(one), one) for one in choices]
    stage = staged(runs)
    names = [[text for text in one if text.startswith("run_name=")] for one in stage.preparing]
    ids = [one.run_id for one, _ in runs]
    assert names == [[f"run_name='shared-{ids[0]}'"], [f"run_name='shared-{ids[3]}'"]]
    waits = [stage.after[run_id] for run_id in ids]
    of_minilm, of_bm25 = [f"shared-{ids[0]}"], [f"shared-{ids[3]}"]
    assert waits == [of_minilm, [], of_minilm, of_bm25, [], of_bm25]


@pytest.mark.parametrize("value", ["0", "-2", "two"])
def test_a_number_of_workers_that_cannot_be_is_one_line(value: str, tmp_path: Path) -> None:
    folder = write_beir(tmp_path / "toy")
    shown = run(sweep_command(folder, tmp_path / "out", PARALLEL, f"hydra.launcher.n_jobs={value}"))
    assert (shown.returncode, shown.stderr.count("\n")) == (2, 1)
    assert shown.stderr.startswith(f"error: hydra.launcher.n_jobs={value}: should be a number of runs at once")


def test_a_job_is_waited_for_until_slurm_says_that_it_ended_or_forgets_it() -> None:
    states = {
        "7_0": "PENDING",
        "7_1": "RUNNING",
        "7_2": "COMPLETED",
        "7_3": "NODE_FAIL",
        "8": "REQUEUED",
        "9": "FAILED",
    }
    assert alive(["7_0", "7_1", "7_2", "7_3", "8", "9", "10"], states) == {"7_0", "7_1", "8"}

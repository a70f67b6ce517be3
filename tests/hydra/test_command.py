"""The real command line in its own process: start-up, exit codes, what is printed and what is left behind."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from experiments.records.folder import find_failure
from experiments.records.held import hold_run
from tests.helpers.beir import write_beir

ROOT = Path(__file__).resolve().parents[2]
QUICK = "teacher=bm25 student=tiny tracker=none mining.depth=30 until=mine execution.threads=1 execution.progress=false"


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    return subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


def command(folder: Path, text: str) -> subprocess.CompletedProcess[str]:
    return python("-m", "experiments.run", *text.split(), f"outputs={folder}/outputs")


def test_help_is_quick_and_explains_the_groups() -> None:
    started = time.perf_counter()
    shown = python("-m", "experiments.run", "--help")
    assert time.perf_counter() - started < 1.5
    assert shown.returncode == 0
    for group in ("data", "teacher", "miner", "mining", "student", "train", "evaluation", "tracker", "study"):
        assert f"\n  {group} " in shown.stdout


@pytest.mark.parametrize("arguments", [["--help"], ["dry_run=true"]])
def test_nothing_heavy_is_imported_before_a_run(arguments: list[str]) -> None:
    heavy = {"torch", "transformers", "sentence_transformers", "mteb", "faiss", "wandb"}
    code = f"import sys; from experiments.run import main; main({arguments!r}); print({heavy!r} & {{*sys.modules}})"
    assert python("-c", code).stdout.splitlines()[-1] == "set()"


def test_a_study_without_m_is_refused(tmp_path: Path) -> None:
    shown = command(tmp_path, "study=demo")
    assert shown.returncode == 2
    assert shown.stderr == "error: study=demo: a study is many runs: add -m (dry_run=true shows its plan)\n"
    assert not (tmp_path / "outputs").exists()


def test_a_run_that_cannot_succeed_says_why_in_one_line_and_leaves_a_note(tmp_path: Path) -> None:
    folder = write_beir(tmp_path / "toy", train=0)
    shown = command(tmp_path, f"{QUICK} data=beir data.path={folder}")
    assert shown.returncode == 2
    assert shown.stderr.startswith("error: ")
    assert (shown.stdout.count("\n"), shown.stderr.count("\n")) == (1, 1)
    run_id = shown.stdout.split("run ")[1].split()[0]
    failure = find_failure(tmp_path / "outputs" / "store", run_id)
    assert failure is not None
    assert failure.cause in shown.stderr
    assert Path(failure.log).is_file()


def test_a_run_that_another_process_is_at_is_waited_for(tmp_path: Path) -> None:
    folder = write_beir(tmp_path / "toy")
    shown = command(tmp_path, f"{QUICK} data=beir data.path={folder}")
    run_id = shown.stdout.split("run ")[1].split()[0]
    again = ["-m", "experiments.run", *QUICK.split(), "data=beir", f"data.path={folder}", f"outputs={tmp_path}/outputs"]
    with hold_run(tmp_path / "outputs" / "store", run_id):
        second = subprocess.Popen(
            [sys.executable, *again], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        assert second.stdout is not None
        assert "run " in second.stdout.readline()
        assert second.stdout.readline() == "      another process is at this run: waiting for it\n"
        assert second.poll() is None
    assert "rows" in second.stdout.read()
    assert second.wait() == 0


def test_a_tracker_that_fails_after_the_record_leaves_a_warning_and_no_note(tmp_path: Path) -> None:
    folder = write_beir(tmp_path / "toy")
    arguments = [*QUICK.split(), "data=beir", f"data.path={folder}", f"outputs={tmp_path}/outputs"]
    broken = "NullTracker.finish = lambda self, record: 1 / 0"
    imports = "import sys; from experiments.tracking.none import NullTracker; from experiments.run import main"
    shown = python("-c", f"{imports}; {broken}; sys.exit(main({arguments!r}))")
    assert shown.returncode == 0
    assert "is recorded, but its tracker did not finish (ZeroDivisionError: division by zero)" in shown.stderr
    assert (shown.stdout.count("\n"), shown.stderr.count("\n")) == (6, 1)
    assert "Traceback" not in shown.stdout
    store = tmp_path / "outputs" / "store"
    assert len(list((store / "records").glob("*/*.json"))) == 1
    assert not list((store / "failures").glob("*"))


def test_on_two_workers_a_failed_run_stops_no_other(tmp_path: Path) -> None:
    write_beir(tmp_path / "toy")
    text = f"-m {QUICK} data=beir data.name=absent,toy execution.beir_home={tmp_path} seed=0 hydra/launcher=parallel"
    shown = command(tmp_path, text)
    assert shown.returncode == 1
    assert "Traceback" not in shown.stdout + shown.stderr
    report = shown.stdout.split("1 of the runs failed", 1)[1]
    assert "data.name=absent" in report
    assert "log: " in report
    assert len(list((tmp_path / "outputs" / "store" / "records").glob("*/*.json"))) == 1


def test_the_same_command_again_starts_nothing(tmp_path: Path) -> None:
    folder = write_beir(tmp_path / "toy")
    text = f"-m {QUICK} data=beir data.path={folder} miner=naive_topk,random"
    first = command(tmp_path, text)
    assert (first.returncode, first.stderr) == (0, "")
    assert [line[:5] for line in first.stdout.splitlines() if line.startswith("[")] == ["[1/2]", "[2/2]"]
    again = command(tmp_path, text)
    assert again.returncode == 0
    assert again.stdout.startswith(f"sweep: 2 runs, 2 already done\nrecords: {tmp_path}/outputs/store/records\n\ntoy,")
    assert "run  " not in again.stdout

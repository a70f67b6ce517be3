"""A search in a real PostgreSQL server that the test starts; run by `make test-postgres`, not by `make test`.

Needs the server's programs (postgres, initdb) and the extra [search].
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from optuna.trial import TrialState

from experiments import search as command
from experiments.errors import UserError
from experiments.searching import engine, stamps
from experiments.searching.engine import open_storage
from tests.helpers.beir import write_beir
from tests.searching.test_command import arguments, found, page, wait_for, worker_of, write_search
from tests.searching.test_engine import declared, opened

pytestmark = pytest.mark.timeout(900)

ORDINARY = "nobody"
"""Who runs the server where the test is root, which PostgreSQL refuses to be."""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The address of a database in a server of its own; the server is stopped and its files are removed."""
    initdb, postgres = (shutil.which(name) for name in ("initdb", "postgres"))
    assert initdb is not None
    assert postgres is not None
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))
    if os.getuid() == 0:
        os.chown(folder, pwd.getpwnam(ORDINARY).pw_uid, -1)
    port = free_port()
    ordinary([initdb, "-D", f"{folder}/data", "-U", "searcher", "--auth=trust", "--encoding=UTF8", "--no-sync"]).wait(
        120
    )
    process = ordinary([postgres, "-D", f"{folder}/data", "-p", str(port), "-h", "127.0.0.1", "-k", str(folder)])
    try:
        wait_until_open(port, process)
        yield f"postgresql://searcher@127.0.0.1:{port}/postgres"
    finally:
        process.send_signal(signal.SIGINT)  # its fast shutdown
        process.wait(60)
        shutil.rmtree(folder)


def ordinary(arguments: Sequence[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        arguments,
        user=ORDINARY if os.getuid() == 0 else None,
        cwd="/",
        env={"PATH": os.environ["PATH"], "LC_ALL": "C"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def wait_until_open(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert process.poll() is None, "the server ended by itself"
        with socket.socket() as one:
            if one.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise AssertionError("the server does not answer")


def test_two_workers_and_a_killed_one_share_a_search(server: str, tmp_path: Path) -> None:
    write_beir(tmp_path / "toy")
    space = {"miner.threshold": {"low": 4.0, "high": 9.0}}
    paper = {"abs_8": {"miner.threshold": 8.0}}
    file = write_search(tmp_path, name="shared", space=space, paper=paper, trials=4, sampler="random")
    given = arguments(tmp_path, file, f"search.storage={server}", "train.steps=20")
    killed, other = worker_of(given), worker_of(given)
    try:
        wait_for(lambda: len(begun(server)) >= 2, killed)
        killed.send_signal(signal.SIGKILL)
        killed.wait()
        said, _ = other.communicate(timeout=400)
        assert other.returncode == 0, said
    finally:
        killed.kill()
        other.kill()
    assert command.main(given) == 0
    read = found(tmp_path, "shared")
    states = [trial.state for trial in read.trials]
    assert (states.count("whole"), states.count("lost")) == (4, 1)
    assert [trial.paper for trial in read.whole].count("abs_8") == 1
    assert len({repr(trial.settings) for trial in read.whole}) == 4
    assert read.storage == "postgresql"
    assert "127.0.0.1" not in page(tmp_path, "shared")


def begun(server: str) -> list[str]:
    """The trials of the search that have a run already."""
    study = opened(declared(name="shared", objectives=["dev nDCG@10"]), Path("/nonexistent"), server)
    return [trial.user_attrs["run_id"] for trial in study.get_trials() if "run_id" in trial.user_attrs]


def test_a_trial_whose_heartbeat_stops_is_run_again(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another machine's worker is known by its heartbeats alone."""
    monkeypatch.setattr(engine, "BEAT", 1)
    monkeypatch.setattr(engine, "GRACE", 2)
    study = opened(declared(name="beats"), tmp_path, server)
    with engine.no_warnings():
        trial = study.ask()
    with stamps.alive(study, trial):
        trial.set_user_attr(stamps.WORKER, {"host": "elsewhere", "pid": 1, "began": 0.0})
    time.sleep(1)
    stamps.find_lost(study, retries=2)
    assert [one.state for one in study.get_trials()] == [TrialState.RUNNING]
    time.sleep(4)
    stamps.find_lost(study, retries=2)
    assert [one.state for one in study.get_trials()] == [TrialState.FAIL, TrialState.WAITING]
    assert study.get_trials()[1].user_attrs[stamps.AGAIN] == 0


def test_a_server_that_is_not_there_is_one_line_without_the_password(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be opened") as caught:
        open_storage(
            f"postgresql://me:secret@127.0.0.1:{free_port()}/db",
            default=tmp_path / "j",
            on_lost=lambda study, trial: None,
        )
    assert "secret" not in str(caught.value)

"""No key in what a run, a plan or a log holds, wherever the user put it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from experiments.command.compose import Composer
from experiments.errors import UserError
from experiments.records.folder import find_failure, write_failure
from experiments.records.provenance import public
from experiments.redaction import redacted
from tests.helpers.beir import write_beir
from tests.tracking.helpers import whole, with_threshold
from tests.tracking.server import KEY, Server, serving

ROOT = Path(__file__).resolve().parents[2]
SMALL = "data=beir teacher=bm25 mining.depth=30 until=mine execution.threads=1 execution.results=null"


def holding(root: Path, text: str) -> list[Path]:
    """Files that hold a text in their bytes or in their name."""
    paths = [path for path in root.rglob("*") if path.is_file()]
    return [path for path in paths if text.encode() in path.read_bytes() or text in str(path)]


def run(*arguments: str, home: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    plain = {name: value for name, value in os.environ.items() if not name.startswith("WANDB")}
    given = {**plain, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "HOME": str(home), **environment}
    command = [sys.executable, "-m", "experiments.run", *arguments]
    return subprocess.run(command, cwd=ROOT, env=given, capture_output=True, text=True, check=False)


def test_a_run_with_a_key_leaves_it_nowhere_and_tells_the_server_alone(tmp_path: Path) -> None:
    """A run by the real command, its server up, then a sweep whose server refuses."""
    write_beir(tmp_path / "toy", dev=0)
    settings = [*SMALL.split(), f"data.path={tmp_path}/toy", f"outputs={tmp_path}/outputs"]
    with serving() as server:
        done = run(*settings, home=tmp_path, WANDB_API_KEY=KEY, WANDB_BASE_URL=server.url)
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        assert "W&B" not in done.stdout
        assert server.keys == {KEY}
        (online,) = server.runs.values()
        assert online.state == "finished"
        server.mode = "refuse"
        swept = run("-m", *settings, "seed=1,2", home=tmp_path, WANDB_API_KEY=KEY, WANDB_BASE_URL=server.url)
        assert swept.returncode == 0, swept.stderr
    said = (swept.stdout + swept.stderr).splitlines()
    assert sum("W&B did not start" in line for line in said) == 1
    sync = f"W&B: 2 runs are kept offline: wandb sync {tmp_path}/outputs/runs/*/wandb/offline-run-*"
    assert said.count(sync) == 1
    assert KEY not in done.stdout + done.stderr + swept.stdout + swept.stderr
    assert not holding(tmp_path, KEY)
    assert not any(KEY.encode() in content for content in server.blobs.values())
    assert not any(KEY in str(one.fields) + one.summary for one in server.runs.values())


def test_an_address_with_a_key_is_refused_without_showing_it(tmp_path: Path) -> None:
    address = f"tracker.base_url=https://me:{KEY}@wandb.example.org"
    for arguments in ([address], ["-m", address, "seed=0,1"]):
        done = run(*arguments, f"outputs={tmp_path}/outputs", home=tmp_path)
        assert done.returncode == 2
        assert done.stdout == ""
        assert done.stderr.count("\n") == 1
        assert "tracker.base_url=https://***@wandb.example.org: an address is logged" in done.stderr
        assert KEY not in done.stderr
    assert not holding(tmp_path, KEY)


def test_an_address_in_the_environment_with_a_key_is_refused_without_showing_it(tmp_path: Path) -> None:
    write_beir(tmp_path / "toy", dev=0)
    settings = [*SMALL.split(), f"data.path={tmp_path}/toy", f"outputs={tmp_path}/outputs"]
    done = run(*settings, home=tmp_path, WANDB_API_KEY=KEY, WANDB_BASE_URL=f"https://me:{KEY}@wandb.example.org")
    assert done.returncode == 2
    assert "WANDB_BASE_URL: an address is logged, so no key belongs into it" in done.stderr
    assert not holding(tmp_path, KEY)


def test_what_wandb_would_add_by_itself_holds_no_command_line(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["run", "search.storage=postgresql://me:hunter22@host/trials"])
    whole(tmp_path, with_threshold(0.9))
    assert not any(b"hunter22" in content for content in server.blobs.values())
    assert not any("hunter22" in str(one.fields) for one in server.runs.values())
    assert not holding(tmp_path, "hunter22")


def test_a_records_command_line_holds_no_password() -> None:
    argv = ["search.storage=postgresql://me:hunter22@host/trials", "x.api_key=hunter22", "miner.threshold=0.95"]
    assert public(argv) == ("search.storage=postgresql://***@host/trials", "x.api_key=***", "miner.threshold=0.95")


def test_a_failures_note_holds_no_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    write_failure(tmp_path, "1c4d6d5c", cause=f"RuntimeError: {KEY} was refused", log="run.log")
    assert not holding(tmp_path, KEY)
    failure = find_failure(tmp_path, "1c4d6d5c")
    assert failure is not None
    assert failure.cause == "RuntimeError: *** was refused"


@pytest.mark.parametrize(
    "text",
    [
        "student.pooling=lasttoken",
        "at https://host/path?x=1",
        "me@host",
        "a://b",
        "postgresql://USER@HOST/NAME",
        "token_embeddings=1",
    ],
)
def test_plain_texts_stay(text: str) -> None:
    assert redacted(text) == text


def test_keys_of_the_environment_are_hidden_wherever_they_stand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_TOKEN", "abcdefgh")
    monkeypatch.setenv("OTHER_API_KEY", "abcdefgh-and-more")
    monkeypatch.setenv("SHORT_TOKEN", "1")
    assert redacted("1: abcdefgh-and-more, (abcdefgh)") == "1: ***, (***)"


@pytest.mark.parametrize("value", ["wandb.example.org", "ftp://wandb.example.org", "https://"])
def test_what_is_no_address_is_one_line(value: str) -> None:
    with pytest.raises(UserError, match=r"^tracker\.base_url=.*should be http://HOST or https://HOST$"):
        Composer().run([f"tracker.base_url='{value}'"])

"""Workers of a parallel sweep share the cards out evenly. The processes are real, the cards are names."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from experiments.command import cards

WORKER = """
import sys
from pathlib import Path
from experiments.command.cards import free_card
print(free_card(["2", "GPU-a/1"], Path(sys.argv[1])), flush=True)
sys.stdin.read()
"""


def worker(folder: Path) -> tuple[subprocess.Popen[str], str]:
    process = subprocess.Popen(
        [sys.executable, "-c", WORKER, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    return process, process.stdout.readline().strip()


def test_each_worker_takes_the_card_that_fewest_hold_until_it_ends(tmp_path: Path) -> None:
    started = [worker(tmp_path) for _ in range(4)]
    try:
        assert [card for _, card in started] == ["2", "GPU-a/1", "2", "GPU-a/1"]
        started[1][0].kill()
        started[1][0].wait()
        started.append(worker(tmp_path))
        assert started[-1][1] == "GPU-a/1"
    finally:
        for process, _ in started:
            process.kill()
            process.communicate()


@pytest.fixture
def _free(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(cards, "_held", [])
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))


@pytest.mark.usefixtures("_free")
def test_a_worker_sees_one_of_the_visible_cards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(cards.VISIBLE, "5, 7")
    cards.take_card({"n_jobs": 2}, device="auto")
    assert os.environ[cards.VISIBLE] == "5"
    cards.take_card({"n_jobs": 2}, device="auto")
    assert os.environ[cards.VISIBLE] == "5"


@pytest.mark.usefixtures("_free")
@pytest.mark.parametrize(
    ("launcher", "device", "visible"),
    [({}, "auto", "5,7"), ({"n_jobs": 1}, "auto", "5,7"), ({"n_jobs": 2}, "cpu", "5,7"), ({"n_jobs": 2}, "auto", "5")],
)
def test_nothing_is_handed_out_where_there_is_nothing_to_share(
    launcher: dict[str, int], device: str, visible: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(cards.VISIBLE, visible)
    cards.take_card(launcher, device=device)
    assert os.environ[cards.VISIBLE] == visible

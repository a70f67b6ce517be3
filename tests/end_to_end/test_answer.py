"""Every study and every sweep ends with its table, a sentence and a page; through the real command."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from tests.end_to_end.test_command_line import SMALL, python
from tests.helpers.beir import write_beir

QUICK = [*(text for text in SMALL if not text.startswith("study.")), "train.learning_rate=0.01"]


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Two methods and two seeds in a plain sweep: its folder, and what was printed."""
    root = tmp_path_factory.mktemp("swept")
    write_beir(root / "toy", dev=0)
    own = ["data=beir", f"data.path={root}/toy", "data.positives=one", "tracker=none", *QUICK]
    command = ["-m", "experiments.run", "-m", *own, "miner=naive_topk,topk_shifted", "miner.shift=3,8", "seed=range(2)"]
    return root, python(*command, f"outputs={root}/outputs", home=root)


def lines_of(printed: str, start: str) -> list[str]:
    return [line for line in printed.splitlines() if line.startswith(start)]


def test_a_sweep_ends_with_arms_that_pool_its_seeds(swept: tuple[Path, str]) -> None:
    _, printed = swept
    (header,) = lines_of(printed, "arm ")
    assert header.split("  ")[0] == "arm"
    assert all(name in header for name in ("toy/test nDCG@10", "difference to naive_topk [95%]", "yield"))
    assert "known false negatives" in header
    arms = printed[printed.index(header) :].splitlines()[1:4]
    assert [line.split()[:3:2] for line in arms] == [
        ["naive_topk", "2"],
        ["topk_shifted_3", "2"],
        ["topk_shifted_8", "2"],
    ]
    assert "baseline" in arms[0]
    assert "[" in arms[1]


def test_one_sentence_says_what_is_decided(swept: tuple[Path, str]) -> None:
    _, printed = swept
    said = [line for line in printed.splitlines() if " over naive_topk: " in line]
    assert len(said) == 1
    assert said[0].startswith("topk_shifted_")


def test_what_is_taken_away_works_when_copied(swept: tuple[Path, str]) -> None:
    root, printed = swept
    (line,) = lines_of(printed, "take away: ")
    words = shlex.split(line.removeprefix("take away: "), comments=True)
    assert words[:3] == ["python", "-m", "experiments.export"]
    best = max(printed[printed.index("\narm ") :].splitlines()[2:5], key=lambda row: float(row.split()[1]))
    assert f"# {best.split()[0]}, seed 0" in line
    python(*words[1:], "--out", f"{root}/rows", home=root)
    assert (root / "rows" / "README.md").is_file()


def test_its_page_lies_beside_its_records_and_its_command_works_when_copied(swept: tuple[Path, str]) -> None:
    root, printed = swept
    (where,) = lines_of(printed, "page: ")
    page = Path(where.removeprefix("page: "))
    assert page.is_relative_to(root / "outputs")
    text = page.read_text(encoding="utf-8")
    (command,) = [line for line in text.splitlines() if line.startswith("python -m experiments.run") and "dry" in line]
    words = shlex.split(command, comments=True)
    again = python(*words[1:], f"outputs={root}/outputs", home=root)
    assert "6 runs, 6 already done" in again


def test_the_same_sweep_again_shows_the_same_table(swept: tuple[Path, str]) -> None:
    root, printed = swept
    own = ["data=beir", f"data.path={root}/toy", "data.positives=one", "tracker=none", *QUICK]
    command = ["-m", "experiments.run", "-m", *own, "miner=naive_topk,topk_shifted", "miner.shift=3,8", "seed=0,1"]
    again = python(*command, f"outputs={root}/outputs", home=root)
    assert again[again.index("arm ") :] == printed[printed.index("\narm ") + 1 :]


def test_a_sweep_that_stops_after_mining_shows_what_was_mined(swept: tuple[Path, str]) -> None:
    root, _ = swept
    own = ["data=beir", f"data.path={root}/toy", "data.positives=one", "tracker=none", "teacher=bm25"]
    settings = ["until=mine", "miner=topk_percpos", "miner.threshold=0.8,0.95", "execution.results=null"]
    printed = python("-m", "experiments.run", "-m", *own, *settings, f"outputs={root}/outputs", home=root)
    (header,) = lines_of(printed, "method ")
    assert "known false negatives [Wilson 95%]" in header
    assert len(lines_of(printed, "topk_percpos ")) == 2

"""Tables inside hand-written pages come from records, and --check watches them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from analysis.__main__ import main

PAGE = "Before.\n\n<!-- table {study}/{block}: begin -->\n{inside}<!-- table {study}/{block}: end -->\n\nAfter.\n"


def page(root: Path, *, study: str, block: str, inside: str = "") -> Path:
    path = root.parent / "README.md"
    path.write_text(PAGE.format(study=study, block=block, inside=inside), encoding="utf-8")
    return path


def a_study(root: Path) -> tuple[str, str]:
    plan = next(iter(sorted(root.glob("*/plan.json"))))
    block = next(iter(sorted((plan.parent / "tables").glob("*.md")))).stem
    return plan.parent.name, block


@pytest.fixture
def built(tmp_path: Path, results: Path) -> Path:
    root = tmp_path / "results"
    shutil.copytree(results, root)
    assert main(["build", "--records", str(root)]) == 0
    return root


def test_build_fills_the_markers_and_keeps_the_prose(built: Path) -> None:
    study, block = a_study(built)
    path = page(built, study=study, block=block, inside="| typed by hand |\n")
    assert main(["build", "--records", str(built), "--check"]) == 1
    assert main(["build", "--records", str(built)]) == 0
    text = path.read_text(encoding="utf-8")
    assert text.startswith("Before.\n\n<!-- table")
    assert text.endswith("end -->\n\nAfter.\n")
    assert "typed by hand" not in text
    assert "| arm | nDCG@10 | difference to" in text
    assert main(["build", "--records", str(built), "--check"]) == 0


def test_a_changed_digit_fails_the_check(built: Path, capsys: pytest.CaptureFixture[str]) -> None:
    study, block = a_study(built)
    path = page(built, study=study, block=block)
    assert main(["build", "--records", str(built)]) == 0
    path.write_text(path.read_text(encoding="utf-8").replace("0.", "1.", 1), encoding="utf-8")
    assert main(["build", "--records", str(built), "--check"]) == 1
    assert "README.md" in capsys.readouterr().out


def test_a_block_of_which_nothing_has_finished_is_one_line(built: Path) -> None:
    study, block = a_study(built)
    for run in json.loads((built / study / "plan.json").read_text())["runs"]:
        if (run["block"], run["phase"]) == (block, 2):
            next((built / "records" / run["run_id"]).glob("*.json")).unlink()
    path = page(built, study=study, block=block)
    assert main(["build", "--records", str(built)]) == 0
    assert f"begin -->\nnot run: `python -m experiments.run -m study={study}`\n<!--" in path.read_text(encoding="utf-8")


def test_a_marker_that_names_no_block_is_one_line(built: Path, capsys: pytest.CaptureFixture[str]) -> None:
    study, _ = a_study(built)
    page(built, study=study, block="nowhere")
    assert main(["build", "--records", str(built)]) == 2
    assert f"{study}/nowhere" in capsys.readouterr().err

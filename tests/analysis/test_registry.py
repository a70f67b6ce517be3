"""A study names the tables and figures of its page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from analysis.__main__ import main
from analysis.figures.registry import FIGURES
from analysis.tables.registry import TABLES
from tests.analysis import synthetic

BLOCKS = {"docstrings": {"docstrings/test": 40}}


def declare(folder: Path, **changed: Any) -> None:
    plan = json.loads((folder / "plan.json").read_text())
    plan["declaration"] = {**plan["declaration"], **changed}
    (folder / "plan.json").write_text(json.dumps(plan))


def build(folder: Path) -> int:
    return main(["build", "--records", str(folder.parent)])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return synthetic.write_study(tmp_path, blocks=BLOCKS)


def test_tables_and_figures_in_the_order_that_the_study_gives(folder: Path) -> None:
    declare(folder, tables=["contrasts", "methods"], figures=["rates"])
    assert build(folder) == 0
    page = (folder / "README.md").read_text()
    assert page.index("## Primary contrasts\n") < page.index("## Methods\n") < page.index("## Figures\n")
    assert "## Detail\n" not in page
    assert [path.name for path in (folder / "figures").iterdir()] == ["rates.svg"]
    assert {path.suffix for path in (folder / "tables").iterdir()} == {".md", ".csv", ".tex"}


def test_files_of_a_table_that_is_not_named_are_not_written(folder: Path) -> None:
    declare(folder, tables=["contrasts"])
    assert build(folder) == 0
    assert not (folder / "tables").exists()


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("tables", f"tables: no table 'methds': use one of {', '.join(sorted(TABLES))}"),
        ("figures", f"figures: no figure 'methds': use one of {', '.join(sorted(FIGURES))}"),
    ],
)
def test_an_unknown_name_is_one_line(folder: Path, what: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    declare(folder, **{what: ["methds"]})
    assert build(folder) == 2
    printed = capsys.readouterr().err
    assert printed == f"error: study synthetic: {said}\n"
    assert not (folder / "README.md").exists()


def test_what_a_page_shows_is_no_change_of_what_was_declared(folder: Path) -> None:
    added = [{"name": "against random", "arm": "topk_percpos", "baseline": "random"}]
    declare(folder, tables=["methods"], limits=["One."], added=added)
    assert build(folder) == 0
    page = (folder / "README.md").read_text()
    assert "**Changed" not in page
    assert "## Limits\n\n- One.\n" in page

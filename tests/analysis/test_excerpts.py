"""Tables inside hand-written pages come from records, and --check watches them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from analysis.__main__ import main
from analysis.excerpts import filled, marked_pages, short_table
from analysis.load import Study, load_study
from analysis.sources import open_source
from analysis.tables.registry import TABLES
from tests.analysis import synthetic
from tests.analysis.conftest import THREE

PAGE = "Before.\n\n<!-- table {0}: begin -->\n{inside}<!-- table {0}: end -->\n\nAfter.\n"


def page(root: Path, name: str, *, inside: str = "") -> Path:
    path = root.parent / "README.md"
    path.write_text(PAGE.format(name, inside=inside), encoding="utf-8")
    return path


def loader(root: Path) -> Callable[[str], Study]:
    return lambda name: load_study(open_source(root), name)


@pytest.fixture(scope="module")
def light(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A results folder with one small study; the page stands beside it."""
    root = tmp_path_factory.mktemp("beside") / "results"
    synthetic.write_study(root, arms=THREE, blocks={"docstrings": {"docstrings/test": 30}}, seeds=(0, 1))
    return root


def test_build_fills_the_markers_and_keeps_the_prose(light: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = page(light, "synthetic/docstrings", inside="| typed by hand |\n")
    assert main(["build", "--records", str(light)]) == 0
    text = path.read_text(encoding="utf-8")
    assert text.startswith("Before.\n\n<!-- table")
    assert text.endswith("end -->\n\nAfter.\n")
    assert "typed by hand" not in text
    assert "| arm | nDCG@10 | difference to" in text
    path.write_text(text.replace("0.", "1.", 1), encoding="utf-8")
    capsys.readouterr()
    assert main(["build", "--records", str(light), "--check"]) == 1
    assert "README.md" in capsys.readouterr().out
    assert marked_pages(open_source(light), loader(light)) == {path.resolve(): text.encode()}


def test_a_registered_table_of_one_block(results: Path, loaded: Study) -> None:
    """The page's own table, less the lines of the other blocks."""
    written = (results / "synthetic" / "README.md").read_text(encoding="utf-8")
    whole = written.split("## From naive to PercPos in steps\n\n")[1]
    text = filled(PAGE.format("synthetic/nfcorpus/steps", inside=""), {"synthetic": loaded}.__getitem__)
    rows = [line for line in text.splitlines() if line.startswith("| nfcorpus | ")]
    assert len(rows) == 6
    assert all(f"{row}\n" in whole for row in rows)
    assert "| docstrings |" not in text


def test_a_registered_table_of_all_blocks(results: Path, loaded: Study) -> None:
    written = (results / "synthetic" / "README.md").read_text(encoding="utf-8")
    whole = written.split("## From naive to PercPos in steps\n\n")[1].split("## ")[0]
    text = filled(PAGE.format("synthetic/all/steps", inside=""), {"synthetic": loaded}.__getitem__)
    assert text.split("begin -->\n")[1].split("<!--")[0].strip() == whole.strip()


def test_a_block_of_which_nothing_has_finished_is_one_line(tmp_path: Path) -> None:
    root = tmp_path / "results"
    folder = synthetic.write_study(root, blocks={"docstrings": {"docstrings/test": 30}}, seeds=(0,))
    for run in json.loads((folder / "plan.json").read_text())["runs"]:
        shutil.rmtree(root / "records" / run["run_id"])
    text = filled(PAGE.format("synthetic/docstrings", inside=""), loader(root))
    assert "begin -->\nnot run: `python -m experiments.run -m study=synthetic`\n<!--" in text


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("synthetic/nowhere", "table synthetic/nowhere, but synthetic has blocks docstrings"),
        (
            "synthetic/docstrings/nothing",
            f"no table 'nothing': use one of {', '.join(sorted(TABLES))}",
        ),
    ],
)
def test_a_marker_that_names_nothing_is_one_line(
    light: Path, name: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    page(light, name)
    assert main(["build", "--records", str(light)]) == 2
    printed = capsys.readouterr().err
    assert said in printed
    assert printed.count("\n") == 1


def test_an_arm_that_has_not_run_is_left_to_the_page(tmp_path: Path) -> None:
    synthetic.write_study(tmp_path, arms=THREE, blocks={"docstrings": {"docstrings/test": 20}}, seeds=(0,))
    study = load_study(open_source(tmp_path), "synthetic")
    (gone,) = study.cell("docstrings", "topk_percpos").values()
    shutil.rmtree(tmp_path / "records" / gone.record.run_id)
    text = short_table(load_study(open_source(tmp_path), "synthetic"), "docstrings")
    assert [line.split(" | ")[0] for line in text.splitlines()[2:]] == ["| naive_topk", "| naive_topk_reveal1"]

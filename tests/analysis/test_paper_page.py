"""results/paper/README.md and the table of studies: made of the YAML, byte for byte."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from analysis.__main__ import main
from analysis.excerpts import guided
from analysis.paper.read import PAPER, paper_files
from analysis.report.paper import paper_page
from tests.analysis import synthetic
from tests.analysis.conftest import THREE

PAGE = "Before.\n\n<!-- paper: begin -->\n| typed by hand |\n<!-- paper: end -->\n\nAfter.\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "results"
    shutil.copytree(PAPER, root / "paper", ignore=shutil.ignore_patterns("*.md", "claims.yaml"))
    return root


def test_the_page_is_committed_as_it_is_made() -> None:
    """Pages of studies that are linked exist beside it; the rest is a function of the YAML files."""
    assert (PAPER / "README.md").read_text(encoding="utf-8") == paper_page(PAPER)


def test_build_makes_the_page_and_check_finds_an_edited_figure(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    synthetic.write_study(root, arms=THREE, blocks={"docstrings": {"docstrings/test": 30}}, seeds=(0, 1))
    (root.parent / "README.md").write_text(PAGE, encoding="utf-8")
    assert main(["build", "--records", str(root)]) == 0
    assert main(["build", "--records", str(root), "--check"]) == 0
    text = (root / "paper" / "README.md").read_text(encoding="utf-8")
    assert "| TopK-PercPos, 95% | 0.5856 | 0.6369 | 0.6414 | 0.4784 |" in text
    assert "typed by hand" not in (root.parent / "README.md").read_text(encoding="utf-8")
    (root / "paper" / "README.md").write_text(text.replace("0.5856", "0.5865"), encoding="utf-8")
    capsys.readouterr()
    assert main(["build", "--records", str(root), "--check"]) == 1
    assert "paper/README.md" in capsys.readouterr().out


def test_a_study_is_linked_once_it_is_published(root: Path) -> None:
    line = "| [Table 3](results/paper/README.md#table-3-mining-methods-at-their-best-configuration) |"
    before = guided(PAGE, root, root.parent)
    assert (
        "`conf/study/table3_methods.yaml` | not run here: `python -m experiments.run -m study=table3_methods` |"
        in before
    )
    assert "on 2024-07-11 | constants | – |" in before
    assert line in before
    for name in ("table3_methods_gpu", "table3_methods_cpu"):
        (root / name).mkdir()
        (root / name / "plan.json").write_text("{}", encoding="utf-8")
    after = guided(PAGE, root, root.parent)
    assert (
        "[table3_methods_cpu](results/table3_methods_cpu), [table3_methods_gpu](results/table3_methods_gpu) |" in after
    )
    assert after.startswith("Before.\n\n<!-- paper: begin -->\n| the paper |")
    assert after.endswith("<!-- paper: end -->\n\nAfter.\n")


def test_links_within_the_page_lead_to_its_headings() -> None:
    """Anchors as GitHub makes them, worked out by hand for the hardest heading."""
    text = paper_page(PAPER)
    links = re.findall(r"\]\(README\.md#([^)]*)\)", text)
    assert len(links) == len(paper_files())
    assert "table-10-table-5-of-v1-mteb-retrieval-leaderboard-on-2024-07-11" in links
    assert "## Table 10 (Table 5 of v1): MTEB Retrieval leaderboard on 2024-07-11\n" in text

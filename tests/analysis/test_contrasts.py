"""Contrasts added after runs were seen, and what is said of a null."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from analysis.compare import added_contrasts, equivalence, primary_contrasts
from analysis.load import Study, load_study
from analysis.sources import open_source
from analysis.stats import equivalence_p, paired_difference
from tests.analysis import synthetic
from tests.analysis.conftest import page_text

BLOCKS = {"docstrings": {"docstrings/test": 20}, "nfcorpus": {"nfcorpus/heldout": 20}}
ADDED = [{"name": "against random", "arm": "topk_percpos", "baseline": "random"}]


def study_with(tmp_path: Path, *, added: list[dict[str, str]], without: str | None = None) -> Study:
    """`without`: a block that leaves random out."""
    folder = synthetic.write_study(tmp_path, blocks=BLOCKS, seeds=(0, 1))
    plan = json.loads((folder / "plan.json").read_text())
    plan["declaration"]["added"] = added
    if without is not None:
        plan["declaration"]["blocks"][without]["arms"] = ["naive_topk", "naive_topk_reveal1", "topk_percpos"]
        plan["runs"] = [run for run in plan["runs"] if (run["block"], run["arm"]) != (without, "random")]
    (folder / "plan.json").write_text(json.dumps(plan))
    return load_study(open_source(tmp_path), "synthetic")


def test_an_added_contrast_changes_nothing_in_the_declared_family(tmp_path: Path) -> None:
    before = primary_contrasts(study_with(tmp_path / "a", added=[]))
    after = study_with(tmp_path / "b", added=ADDED)
    assert [found.p_holm for found in primary_contrasts(after)] == [found.p_holm for found in before]
    assert [(found.block, found.p_holm) for found in added_contrasts(after)] == [
        ("docstrings", None),
        ("nfcorpus", None),
    ]


def test_it_stands_in_the_blocks_that_have_both_arms_and_in_a_table_of_its_own(tmp_path: Path) -> None:
    study = study_with(tmp_path, added=ADDED, without="nfcorpus")
    assert [found.block for found in added_contrasts(study)] == ["docstrings"]
    page = page_text(tmp_path / "synthetic")
    section = page.split("## Contrasts added after runs were seen\n")[1].split("\n## ")[0]
    assert section.count("topk_percpos − random") == 1
    assert "in no family" in section
    assert "Holm" not in section
    assert "− random" not in page.split("## Primary contrasts\n")[1].split("\n## ")[0]


@pytest.mark.parametrize(
    ("mean", "spread", "said"),
    [
        (0.0, 0.001, "equivalent"),
        (0.02, 0.001, "not equivalent"),
        (-0.02, 0.001, "not equivalent"),
        (0.004, 0.1, "undecided"),
    ],
)
def test_a_null_is_shown_refuted_or_left_open(mean: float, spread: float, said: str) -> None:
    values = mean + np.random.default_rng(0).normal(0, spread, (5, 200))
    difference = paired_difference([values], [np.zeros_like(values)])
    assert equivalence(difference, 0.005) == said
    assert (equivalence_p(difference, 0.005) < 0.05) == (said == "equivalent")

"""A small study of synthetic records, rendered once. Read-only: a test that changes records makes its own study."""

from __future__ import annotations

from pathlib import Path

import pytest

from analysis.__main__ import main
from analysis.load import Study, load_study
from analysis.report.page import page
from analysis.sources import open_source
from tests.analysis import synthetic

SMALL = {"docstrings": {"docstrings/test": 60}, "nfcorpus": {"nfcorpus/heldout": 70, "nfcorpus/test": 30}}


THREE = {name: synthetic.CORE[name] for name in ("naive_topk", "naive_topk_reveal1", "topk_percpos")}
"""Arms enough for the declared contrasts."""


def page_text(folder: Path) -> str:
    """The page of a published study without its figures, which take longest."""
    return page(load_study(open_source(folder.parent), folder.name), [])


@pytest.fixture(scope="session")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("results")
    synthetic.write_study(root, arms=synthetic.FULL, seeds=(0, 1, 2), blocks=SMALL, choose=True)
    assert main(["build", "--records", str(root)]) == 0
    return root


@pytest.fixture(scope="session")
def loaded(results: Path) -> Study:
    return load_study(open_source(results), "synthetic")

"""A small study of synthetic records, rendered once. Read-only: a test that changes records makes its own study."""

from __future__ import annotations

from pathlib import Path

import pytest

from analysis.__main__ import main
from tests.analysis import synthetic

SMALL = {"docstrings": {"docstrings/test": 60}, "nfcorpus": {"nfcorpus/heldout": 70, "nfcorpus/test": 30}}


@pytest.fixture(scope="session")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("results")
    synthetic.write_study(root, arms=synthetic.FULL, seeds=(0, 1, 2), blocks=SMALL, choose=True)
    assert main(["build", "--records", str(root)]) == 0
    return root

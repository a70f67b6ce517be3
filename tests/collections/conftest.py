from __future__ import annotations

from pathlib import Path

import pytest

from experiments.collections.docstring_source import Pair, extract_cached


@pytest.fixture(scope="session")
def real_pairs(tmp_path_factory: pytest.TempPathFactory) -> list[Pair]:
    """Every pair of the pinned distributions."""
    return extract_cached(Path(tmp_path_factory.mktemp("docstrings")), workers=2)

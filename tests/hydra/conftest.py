from __future__ import annotations

import pytest

from experiments.compose import Composer


@pytest.fixture(scope="session")
def composer() -> Composer:
    return Composer()

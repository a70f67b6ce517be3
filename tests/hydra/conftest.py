from __future__ import annotations

import pytest

from experiments.command.compose import Composer


@pytest.fixture(scope="session")
def composer() -> Composer:
    return Composer()

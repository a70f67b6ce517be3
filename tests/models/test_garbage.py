"""Libraries are left out of collections; what comes later is collected as ever."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from experiments.models.garbage import keep_libraries


class Ring:
    """Refers to itself, so that only the collector frees it."""

    def __init__(self) -> None:
        self.own = self


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    keep_libraries.cache_clear()
    yield
    gc.unfreeze()
    keep_libraries.cache_clear()


def test_garbage_goes_first_and_later_rings_go_as_ever() -> None:
    earlier = weakref.ref(Ring())
    keep_libraries("train")
    assert earlier() is None
    frozen = gc.get_freeze_count()
    assert frozen > 10_000
    later = weakref.ref(Ring())
    keep_libraries("train")
    assert gc.get_freeze_count() <= frozen
    gc.collect()
    assert later() is None

"""The artifact store: folders named by a key, made once, checked when read; which process uses it; what it would make.

`python -m experiments.store` tells what it holds and clears what nothing needs.
"""

from __future__ import annotations

from experiments.store.artifacts import (
    DESCRIPTOR,
    ELSEWHERE,
    Artifact,
    Descriptor,
    Store,
    StoreMismatchError,
    stage_key,
)

__all__ = [
    "DESCRIPTOR",
    "ELSEWHERE",
    "Artifact",
    "Descriptor",
    "Store",
    "StoreMismatchError",
    "stage_key",
]

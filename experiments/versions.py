"""The two numbers of every stage, in one place.

`version` says what a stage's numbers mean: it stands in the artifact's key and in the record (absent there = 1), and a
record with an older one is outdated. `layout` says how an artifact is stored: it stands in the key only.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Stage:
    """One kind of artifact: the folder it is kept in, and its two numbers."""

    name: str
    version: int = 1
    layout: int = 1

    @property
    def payload(self) -> dict[str, Any]:
        """What the numbers add to an artifact's key; the first layout adds nothing."""
        return {"version": self.version} | ({"layout": self.layout} if self.layout != 1 else {})


EMBED = Stage("embed", version=2)
"""Version 2: texts are batched by token length, bf16 vectors in batches of the teacher's own size."""
RETRIEVE = Stage("retrieve")
MINE = Stage("mine", version=2, layout=3)
"""Version 2: exact copies of a hidden positive are hidden positives too.
Layout 2: teacher, score, anchor, bar and positive score stand per negative, (R, n). Layout 3: so does probability."""
DISTILL = Stage("distill", version=2)
"""Version 2: fitted to vectors of embed's version 2."""
TRAIN = Stage("train")
EVALUATE = Stage("evaluate", version=2)
"""Version 2: reading lengths no longer follow training; texts are batched by token count, in bf16 32 at a time."""

STAGES = (EMBED, RETRIEVE, MINE, DISTILL, TRAIN, EVALUATE)


def versions_of(stages: Iterable[str]) -> dict[str, int]:
    """Stage -> version, as a record keeps them: those among `stages` whose version is not 1."""
    used = set(stages)
    return {stage.name: stage.version for stage in STAGES if stage.name in used and stage.version != 1}

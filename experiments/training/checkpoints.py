"""What a training goes on from when it was stopped: the last whole checkpoint, kept outside the folder it fills.

A checkpoint counts once the file that lists its contents is there, written last, and only where these are unchanged and
the environment is the one that made it: another one's numbers differ in the last bits.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from experiments.contents import FileContent, difference, read_contents
from experiments.files import write_json
from experiments.scratch import remove

WHOLE = "whole.json"


class _Seal(BaseModel):
    model_config = ConfigDict(frozen=True)

    step: int
    environment: dict[str, Any]
    files: dict[str, FileContent]


@dataclass
class Checkpoints:
    """Checkpoints of one training under `folder`, one at least every `every` seconds; 0 = after every step."""

    folder: Path
    every: float
    environment: Mapping[str, Any] = field(default_factory=dict)
    _saved: float = field(default_factory=time.monotonic)
    _ended: bool = False

    @property
    def due(self) -> bool:
        """Whether the last one is `every` seconds old."""
        return not self._ended and time.monotonic() - self._saved >= self.every

    def give_up(self) -> None:
        """Keep none from now on, and remove those that are there."""
        self._ended = True
        remove(self.folder)

    def seal(self, checkpoint: Path, step: int) -> None:
        """Declare a checkpoint whole, and remove the others."""
        files = read_contents(checkpoint)
        seal = _Seal(step=step, environment=_plain(self.environment), files=files)
        write_json(checkpoint / WHOLE, seal.model_dump(mode="json"))
        self._clear(besides=checkpoint)
        self._saved = time.monotonic()

    def newest(self) -> tuple[Path, int] | None:
        """The whole checkpoint of the last step, and that step; None where there is none. Removes what is not whole."""
        found = [(seal.step, path) for path in self._all() if (seal := self._read(path)) is not None]
        step, path = max(found, default=(0, None))
        self._clear(besides=path)
        return None if path is None else (path, step)

    def _read(self, path: Path) -> _Seal | None:
        try:
            seal = _Seal.model_validate_json((path / WHOLE).read_bytes())
        except (FileNotFoundError, ValidationError):
            return None
        same = seal.environment == _plain(self.environment) and not difference(path, seal.files, besides=(WHOLE,))
        return seal if same else None

    def _all(self) -> list[Path]:
        return [path for path in self.folder.glob("*") if path.is_dir()] if self.folder.is_dir() else []

    def _clear(self, *, besides: Path | None) -> None:
        for path in self._all():
            if path != besides:
                remove(path)


def _plain(environment: Mapping[str, Any]) -> dict[str, Any]:
    plain: dict[str, Any] = json.loads(json.dumps(environment))
    return plain

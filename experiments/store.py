"""The artifact store: a key names a folder; the folder counts once its descriptor is there, written last.

Two processes that want the same artifact make it once (a file lock, checked again after it is taken). A failure leaves
no artifact. A hit whose stored payload differs from the asked one raises and shows the fields.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock

from experiments.errors import UserError
from experiments.files import write_json
from experiments.identity import canonical_json, digest

DESCRIPTOR = "artifact.json"


class StoreMismatchError(UserError):
    """The stored payload under a key is not the one that was asked for."""


@dataclass(frozen=True)
class Artifact:
    """A finished artifact. `made` is False for a hit; `seconds` is what making it took, then or now."""

    stage: str
    key: str
    path: Path
    made: bool
    seconds: float


@dataclass(frozen=True)
class Store:
    """Artifacts under `root/<stage>/<key>/`."""

    root: Path

    def path(self, stage: str, key: str) -> Path:
        """Where the artifact lies or would lie."""
        return self.root / stage / key

    def find(self, stage: str, payload: Mapping[str, Any]) -> Artifact | None:
        """The finished artifact for `payload`, or None."""
        key = stage_key(stage, payload)
        descriptor = self.path(stage, key) / DESCRIPTOR
        if not descriptor.is_file():
            return None
        stored = json.loads(descriptor.read_text(encoding="utf-8"))
        _check_payload(descriptor, stored["payload"], payload)
        return Artifact(stage=stage, key=key, path=descriptor.parent, made=False, seconds=stored["seconds"])

    def get_or_make(self, stage: str, payload: Mapping[str, Any], make: Callable[[Path], None]) -> Artifact:
        """The artifact for `payload`; `make(folder)` fills a scratch folder, renamed into place when it returns."""
        hit = self.find(stage, payload)
        if hit is not None:
            return hit
        key = stage_key(stage, payload)
        final = self.path(stage, key)
        final.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(str(final) + ".lock"):
            hit = self.find(stage, payload)
            if hit is not None:
                return hit
            return self._make(stage, key, payload, make)

    def _make(self, stage: str, key: str, payload: Mapping[str, Any], make: Callable[[Path], None]) -> Artifact:
        final = self.path(stage, key)
        scratch = Path(tempfile.mkdtemp(prefix=f".{key}.", dir=final.parent))
        started = time.perf_counter()
        try:
            make(scratch)
            seconds = time.perf_counter() - started
            shutil.rmtree(final, ignore_errors=True)
            scratch.replace(final)
        except BaseException:
            shutil.rmtree(scratch, ignore_errors=True)
            raise
        write_json(
            final / DESCRIPTOR,
            {"stage": stage, "key": key, "seconds": round(seconds, 3), "payload": json.loads(canonical_json(payload))},
        )
        return Artifact(stage=stage, key=key, path=final, made=True, seconds=seconds)


def stage_key(stage: str, payload: Mapping[str, Any]) -> str:
    """Digest of {stage, payload}; the payload holds the stage's version, its slice of config and its inputs' hashes."""
    return digest({"stage": stage, "payload": payload})


def _check_payload(descriptor: Path, stored: Any, asked: Mapping[str, Any]) -> None:
    wanted = json.loads(canonical_json(asked))
    if stored == wanted:
        return
    fields = sorted(k for k in {*stored, *wanted} if stored.get(k) != wanted.get(k))
    shown = "; ".join(f"{k}: stored {stored.get(k)!r}, asked {wanted.get(k)!r}" for k in fields)
    raise StoreMismatchError(f"{descriptor} does not hold what its key names ({shown}): delete its folder")

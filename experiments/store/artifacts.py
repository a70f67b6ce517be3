"""Artifacts: a key names a folder; the folder counts once its descriptor is there, written last.

The descriptor holds the size and sha256 of every file. They are verified before an artifact is handed out, with a full
read of its files once a process (`experiments.contents` says what it costs); one that is damaged, or whose descriptor
an older version wrote without them, is made anew and a warning says why.

Two processes that want the same artifact make it once (a file lock, checked again after it is taken). A failure leaves
no artifact. What a killed process has left half-made is removed when the next artifact of its stage is made, but for
what the stage keeps to go on from (`Store.partial`). A hit whose stored payload differs from the asked one raises and
shows the fields.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, FiniteFloat, ValidationError

from experiments.contents import FileContent, difference, read_contents
from experiments.errors import UserError
from experiments.files import storage_errors, write_json
from experiments.identity import canonical_json, digest
from experiments.scratch import locked, move_into_place, partial_folder, remove, remove_abandoned, scratch_folder

DESCRIPTOR = "artifact.json"
ELSEWHERE = "name another store (execution.store=...)"

log = logging.getLogger("experiments")


class StoreMismatchError(UserError):
    """The stored payload under a key is not the one that was asked for."""


class Descriptor(BaseModel):
    """What `artifact.json` holds: what was made, the seconds that took, and every file by its relative path.

    environment: of the run that made it, since numbers depend on it in the last bits (in bf16 on the thread count);
    empty where an older version wrote the descriptor. No part of the key.
    """

    model_config = ConfigDict(frozen=True)

    stage: str
    key: str
    seconds: FiniteFloat
    payload: dict[str, Any]
    files: dict[str, FileContent]
    environment: dict[str, Any] = {}


@dataclass(frozen=True)
class Artifact:
    """A finished artifact. `made` is False for a hit; `seconds` is what making it took, then or now."""

    stage: str
    key: str
    path: Path
    made: bool
    seconds: float
    environment: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Store:
    """Artifacts under `root/<stage>/<key>/`; `environment` is noted in what is made (`Descriptor`)."""

    root: Path
    environment: Mapping[str, Any] = field(default_factory=dict)

    def path(self, stage: str, key: str) -> Path:
        """Where the artifact lies or would lie."""
        return self.root / stage / key

    def partial(self, stage: str, payload: Mapping[str, Any]) -> Path:
        """Where what makes the artifact may keep what it goes on from when it was stopped; removed once that is whole.

        To be touched inside `make` only, under the artifact's lock.
        """
        return partial_folder(self.path(stage, stage_key(stage, payload)))

    def find(self, stage: str, payload: Mapping[str, Any]) -> Artifact | None:
        """The finished artifact for `payload`, or None; a damaged one is None and a warning."""
        hit, damage = self.look(stage, payload)
        if damage:
            log.warning("%s counts as not made: %s", self.path(stage, stage_key(stage, payload)), damage)
        return hit

    def find_key(self, stage: str, key: str) -> tuple[Artifact, Mapping[str, FileContent]] | None:
        """The finished artifact under `key` and what its files hold; None where it is missing or damaged."""
        path = self.path(stage, key)
        try:
            descriptor = Descriptor.model_validate_json((path / DESCRIPTOR).read_bytes(), strict=True)
        except (FileNotFoundError, ValidationError):
            return None
        hit = self.find(stage, descriptor.payload)
        return None if hit is None or hit.key != key else (hit, descriptor.files)

    def get_or_make(self, stage: str, payload: Mapping[str, Any], make: Callable[[Path], None]) -> Artifact:
        """The artifact for `payload`; `make(folder)` fills a scratch folder, renamed into place when it returns.

        Raises StorageError where the disk does not take it.
        """
        hit, _ = self.look(stage, payload)
        if hit is not None:
            return hit
        final = self.path(stage, stage_key(stage, payload))
        with storage_errors(final.parent, elsewhere=ELSEWHERE), locked(final):
            hit, damage = self.look(stage, payload)
            if hit is not None:
                return hit
            if damage:
                log.warning("%s is made anew: %s", final, damage)
            remove_abandoned(final)
            return _make(stage, final, payload, make, self.environment)

    def look(self, stage: str, payload: Mapping[str, Any]) -> tuple[Artifact | None, str]:
        """The finished artifact, or None and what is wrong with it, "" where there is none; nothing is written."""
        path = self.path(stage, stage_key(stage, payload))
        try:
            text = (path / DESCRIPTOR).read_bytes()
            descriptor = Descriptor.model_validate_json(text, strict=True)
            _check_payload(path / DESCRIPTOR, descriptor.payload, payload)
            damage = difference(path, descriptor.files, besides=(DESCRIPTOR,))
        except FileNotFoundError as error:  # never made, lost, or replaced by another process at this moment
            return None, f"its {Path(error.filename).name} is missing" if path.exists() else ""
        except ValidationError as error:
            return None, _unreadable(error)
        except OSError as error:
            raise UserError(f"{path}: cannot be read ({error.strerror}): make it readable, or {ELSEWHERE}") from error
        if damage:
            return None, damage
        return Artifact(stage, path.name, path, False, descriptor.seconds, descriptor.environment), ""


def stage_key(stage: str, payload: Mapping[str, Any]) -> str:
    """Digest of {stage, payload}; the payload holds the stage's version, its slice of config and its inputs' hashes."""
    return digest({"stage": stage, "payload": payload})


def as_stored(payload: Mapping[str, Any]) -> dict[str, Any]:
    """A payload as a descriptor holds it."""
    plain: dict[str, Any] = json.loads(canonical_json(payload))
    return plain


def _make(
    stage: str,
    final: Path,
    payload: Mapping[str, Any],
    make: Callable[[Path], None],
    environment: Mapping[str, Any],
) -> Artifact:
    started = time.perf_counter()
    with scratch_folder(final) as scratch:
        make(scratch)
        seconds = time.perf_counter() - started
        descriptor = Descriptor(
            stage=stage,
            key=final.name,
            seconds=round(seconds, 3),
            payload=as_stored(payload),
            files=read_contents(scratch),
            environment=dict(environment),
        )
        write_json(scratch / DESCRIPTOR, descriptor.model_dump(mode="json"))
        move_into_place(scratch, final)
    remove(partial_folder(final))
    return Artifact(stage, final.name, final, True, seconds, environment)


def _unreadable(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    if first["type"] == "missing" and first["loc"] == ("files",):
        return f"its {DESCRIPTOR} holds no checksums (an older version wrote it)"
    return f"its {DESCRIPTOR} cannot be read ({first['msg']})"


def _check_payload(descriptor: Path, stored: Mapping[str, Any], asked: Mapping[str, Any]) -> None:
    wanted = as_stored(asked)
    if stored == wanted:
        return
    fields = sorted(k for k in {*stored, *wanted} if stored.get(k) != wanted.get(k))
    shown = "; ".join(f"{k}: stored {stored.get(k)!r}, asked {wanted.get(k)!r}" for k in fields)
    raise StoreMismatchError(f"{descriptor} does not hold what its key names ({shown}): delete its folder")

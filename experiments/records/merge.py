"""Which files a record consists of, and how records that were made elsewhere come into a folder that has some.

Nothing is lost: a record is added, or takes the place of one whose numbers are outdated. Records of other environments
lie side by side.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from experiments.errors import UserError
from experiments.files import write_bytes
from experiments.records.folder import failure_path, is_outdated, read_record, record_path
from experiments.records.groups import groups_path, read_groups, write_groups
from experiments.records.schema import RunRecord
from experiments.records.scores import read_scores, scores_path

FILE = re.compile(r"records/[0-9a-f]{4,64}/[0-9a-f]{4,64}\.(json|parquet)|groups/[A-Za-z0-9_-][A-Za-z0-9._-]*\.parquet")
"""What a file of a record may be called, below the folder that holds records."""
COMPARED = ("config", "collections", "mining", "mining_parts", "training", "tasks", "leaks", "per_query", "versions")
"""What two records of one run made in the same environment agree in; times and origin may differ."""


def record_files(root: Path, record: RunRecord) -> list[Path]:
    """The files of a record that are there, relative to `root`: itself, its scores, the groups of its queries."""
    path = record_path(root, record)
    groups = [groups_path(root, task.content_hash) for task in record.tasks.values()]
    return [one.relative_to(root) for one in (path, scores_path(path), *groups) if one.is_file()]


def merge_record(path: Path, *, source: Path, target: Path) -> bool:
    """Take the record at `path`, which lies in `source`, into `target`: whether it was new there.

    The scores are written before the record, which declares the run done. Raises UserError for a record or scores that
    are not what their digests say, and for one that differs from what `target` has of the same run and environment.
    """
    record = verified(path)
    scores = read_scores(record, path)
    final = record_path(target, record)
    if final.is_file():
        known = read_record(final)
        if not replaces(record, known):
            _check_same(known, record, final)
            return False
    if scores is not None:
        write_bytes(scores_path(final), scores_path(path).read_bytes())
    copy_groups(record, source=source, target=target)
    write_bytes(final, path.read_bytes())
    failure_path(target, record.run_id).unlink(missing_ok=True)
    return True


def verified(path: Path) -> RunRecord:
    """A record that is what its digest, its run_id and its name say. Raises UserError."""
    record = read_record(path)
    if not record.digest:
        raise UserError("it has no digest, so nobody can tell whether it was edited")
    try:
        named = record.run_config().run_id
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise UserError(f"its config is not one of this version ({where}): update this software") from error
    if (record.run_id, record.run_id, record.environment_digest) != (named, path.parent.name, path.stem):
        raise UserError(f"it is not the record of the run and environment that its name says (config: {named})")
    return record


def replaces(record: RunRecord, known: RunRecord) -> bool:
    """Whether a record takes the place of the one there of the same environment: only where that is outdated."""
    return is_outdated(known) and not is_outdated(record)


def copy_groups(record: RunRecord, *, source: Path, target: Path) -> None:
    """The groups of the queries that a run was measured on, where `source` knows any and `target` none."""
    for task in record.tasks.values():
        here, there = (groups_path(root, task.content_hash) for root in (source, target))
        if here.is_file() and not there.is_file():
            write_groups(there, *zip(*sorted(read_groups(here).items()), strict=True))


def _check_same(known: RunRecord, record: RunRecord, path: Path) -> None:
    here, there = (one.model_dump(mode="json", include=set(COMPARED)) for one in (known, record))
    differing = _difference(here, there)
    if differing is not None:
        raise UserError(f"it differs from the one in {path} ({differing}): remove the one that is wrong")


def _difference(known: Any, other: Any, where: str = "") -> str | None:
    """The first value in which two records differ, as `where: here, there`."""
    if isinstance(known, Mapping) and isinstance(other, Mapping):
        for name in sorted({*known, *other}):
            found = _difference(known.get(name), other.get(name), f"{where} {name}".strip())
            if found is not None:
                return found
        return None
    if known == other:
        return None
    plain = not isinstance(known, list | Mapping) and not isinstance(other, list | Mapping)
    return f"{where}: {known} here, {other} there" if plain else where

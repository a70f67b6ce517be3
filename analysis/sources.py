"""Where records lie: the committed results folder, or an artifact store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from experiments.errors import UserError


@dataclass(frozen=True)
class Source:
    """A folder of records. A store keeps plans under ``studies/`` and per-query scores beside each record.

    published: of a store, the folder whose records count as done beside its own.
    """

    root: Path
    published: Path | None = None

    @property
    def is_store(self) -> bool:
        """Whether the folder is laid out as an artifact store."""
        return (self.root / "studies").is_dir()

    def study_folder(self, study: str) -> Path:
        """Where a study's plan lies and its page is written."""
        return self.root / "studies" / study if self.is_store else self.root / study

    def studies(self) -> list[str]:
        """Names of the studies that have a plan, sorted."""
        base = self.root / "studies" if self.is_store else self.root
        return sorted(path.parent.name for path in base.glob("*/plan.json"))

    def plan_path(self, study: str) -> Path:
        """Raises UserError where the study has no plan."""
        path = self.study_folder(study) / "plan.json"
        if not path.is_file():
            known = ", ".join(self.studies()) or "none"
            raise UserError(
                f"no study {study!r} under {self.root} (studies there: {known}): run "
                f"`python -m experiments.run -m study={study}` and `python -m experiments.publish {study}`"
            )
        return path

    def record_paths(self, run_id: str) -> list[Path]:
        """A run's records, one per environment. Of a store the newest first; of committed records by name."""
        found = (self.root / "records" / run_id).glob("*.json")
        if not self.is_store:
            return sorted(found)
        own = sorted(found, key=lambda path: (-path.stat().st_mtime_ns, path.name))
        there = [] if self.published is None else sorted((self.published / "records" / run_id).glob("*.json"))
        return [*own, *there]

    def all_record_paths(self) -> list[Path]:
        """Every record, sorted by name."""
        return sorted((self.root / "records").glob("*/*.json"))

    def groups(self, content_hash: str, *, task: str, ids: Sequence[str]) -> dict[str, str] | None:
        """Query id -> group of what a task evaluated; None where it has no groups.

        Raises UserError where the file lacks one of the task's queries.
        """
        from experiments.records.groups import groups_path, read_groups

        roots = (self.root,) if self.published is None else (self.root, self.published)
        paths = [path for root in roots if (path := groups_path(root, content_hash)).is_file()]
        if not paths:
            return None
        path = paths[0]
        found = read_groups(path)
        lacking = [query for query in ids if query not in found]
        if lacking:
            raise UserError(
                f"{path}: lacks {len(lacking)} of the {len(ids)} queries of {task}, such as {lacking[0]!r}: remove "
                "it, or publish the study again"
            )
        return found


def open_source(root: Path, *, published: Path | None = None) -> Source:
    """Raises UserError where the folder is missing."""
    if not root.is_dir():
        raise UserError(f"{root}: no such folder of records: name one with --records")
    return Source(root, published)

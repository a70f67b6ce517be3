"""The artifacts that a run went through, made or reused, as its record and its log name them."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

from experiments.store import Artifact

log = logging.getLogger("experiments")


@dataclass
class Trail:
    """The artifacts that a run went through, made or reused."""

    artifacts: dict[str, Artifact] = field(default_factory=dict)

    @property
    def keys(self) -> dict[str, str]:
        """Name -> key of every artifact."""
        return {name: artifact.key for name, artifact in self.artifacts.items()}

    @property
    def stages(self) -> set[str]:
        """The stages that made them."""
        return {artifact.stage for artifact in self.artifacts.values()}

    def add(self, name: str, artifact: Artifact) -> None:
        """Keep an artifact under its name in the record, and say what happened."""
        self.artifacts[name] = artifact
        verb = f"made in {artifact.seconds:.1f} s" if artifact.made else "reused"
        log.info("%-28s %s  %s", name, artifact.key, verb)

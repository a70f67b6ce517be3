"""The artifacts that a run went through, made or reused, as its record and its log name them."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

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

    def environments(self, *, unlike: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
        """Name -> what differs of the environment that an artifact was made in, for reused ones that tell it."""
        found = {name: _differing(artifact.environment, unlike) for name, artifact in self.artifacts.items()}
        return {name: differing for name, differing in found.items() if differing}

    def add(self, name: str, artifact: Artifact) -> None:
        """Keep an artifact under its name in the record, and say what happened."""
        self.artifacts[name] = artifact
        verb = f"made in {artifact.seconds:.1f} s" if artifact.made else "reused"
        log.info("%-28s %s  %s", name, artifact.key, verb)


def _differing(made: Mapping[str, Any], here: Mapping[str, Any]) -> dict[str, Any]:
    """The entries of `made` that are others here; of its packages, too."""
    return {
        name: _differing(value, here[name]) if isinstance(value, dict) and isinstance(here.get(name), dict) else value
        for name, value in made.items()
        if value != here.get(name)
    }

"""Hydra's side of `study=./mine.yaml`: the folder that holds a copy of the file is searched after conf/."""

from __future__ import annotations

from hydra.core.config_search_path import ConfigSearchPath
from hydra.plugins.search_path_plugin import SearchPathPlugin

from experiments.command.own_study import search_folder


class StudyPath(SearchPathPlugin):  # type: ignore[misc]
    """Adds the folder of the study that a command line named by its file, where it did."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        """Called by Hydra for each loader that it makes."""
        folder = search_folder()
        if folder is not None:
            search_path.append("own-study", f"file://{folder}")

"""Hydra plugins. `hydra_plugins` is a namespace folder that Hydra finds on the import path."""

import sys
from pathlib import Path


def add_plugins() -> None:
    """Put the plugins on the import path, once."""
    folder = str(Path(__file__).resolve().parent)
    if folder not in sys.path:
        sys.path.append(folder)

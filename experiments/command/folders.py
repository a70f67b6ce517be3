"""The folders of models that a command line names: taken out of the config, since no path names a run."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from experiments.errors import UserError


def take_model_paths(plain: dict[str, Any]) -> dict[str, Path]:
    """Models named by a local folder: they get the folder's name and the digest of its files as revision."""
    paths: dict[str, Path] = {}
    for encoder in _encoders([plain[name] for name in ("teacher", "student", "mining", "train")]):
        folder = Path(encoder["name"]).expanduser()
        if not folder.is_dir():
            continue
        from experiments.models.weights import folder_revision

        known = paths.setdefault(folder.resolve().name, folder.resolve())
        if known != folder.resolve():
            raise UserError(f"{known} and {folder} have the same folder name, by which runs call them: rename one")
        encoder.update(name=known.name, source="folder", revision=folder_revision(folder))
    return paths


def model_folders(execution: Mapping[str, Any]) -> dict[str, Path]:
    """`execution.model_folders` by the names that runs call them."""
    folders = [Path(str(text)).expanduser().resolve() for text in execution.get("model_folders") or ()]
    for folder in folders:
        if not folder.is_dir():
            raise UserError(f"execution.model_folders: {folder} is no folder: give folders that hold a model")
    return {folder.name: folder for folder in folders}


def with_model_paths(value: Any, paths: Mapping[str, Path]) -> Any:
    """Plain values as they may be given to another run: models that `build` named after their folder by its path."""
    given = copy.deepcopy(value)
    for encoder in _encoders(given):
        if encoder.get("source") == "folder" and encoder["name"] in paths:
            encoder.update(name=str(paths[encoder["name"]]))
    return given


def _encoders(node: Any) -> Iterator[dict[str, Any]]:
    """The mappings that name a model which may be a folder, however deep they stand."""
    if isinstance(node, dict):
        source = node.get("source", "hub" if node.get("kind") in {"dense", "model", "reranker"} else None)
        if source in {"hub", "folder"} and isinstance(node.get("name"), str):
            yield node
    for part in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from _encoders(part)

"""The folders of data and of models that a command line names: taken out of the config, since no path names a run."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from experiments.config.mixture import written_out
from experiments.errors import UserError


def take_data_paths(plain: dict[str, Any]) -> dict[str, Path]:
    """Remove `data.path`; it names the collection unless data.name does."""
    data = plain["data"]
    if data.get("kind") == "mixture":
        return _take_part_paths(data)
    text = data.pop("path", None)
    if text is None:
        if data.get("name") == "???":
            raise UserError(
                "data.name is not set: give data.path=FOLDER, or data.name=NAME of a folder under BEIR_HOME"
            )
        return {}
    if is_empty(text):
        raise UserError("data.path is empty: give a folder that holds corpus.jsonl")
    path = Path(str(text)).expanduser().resolve()
    if data.get("kind") != "beir":
        raise UserError(f"data.path={text}: data={data.get('kind')} reads no folder: add data=beir")
    if not path.is_dir():
        raise UserError(f"data.path={text}: there is no such folder: give a folder that holds corpus.jsonl")
    if data.get("name") in {None, "???"}:
        data["name"] = path.name
    return {str(data["name"]): path}


def _take_part_paths(data: dict[str, Any]) -> dict[str, Path]:
    """Write out the parts of a mixture and remove their `path`."""
    if data.pop("path", None) is not None:
        raise UserError("data.path: data=mixture has a folder for each part: give data.parts.NAME.path=FOLDER")
    try:
        data["parts"] = written_out(data.get("parts"))
    except ValueError as error:
        raise UserError(f"data.parts: {error}") from error
    paths: dict[str, Path] = {}
    for name, part in data["parts"].items() if isinstance(data["parts"], dict) else ():
        text = part.pop("path", None) if isinstance(part, dict) else None
        if text is None:
            continue
        folder = Path(str(text)).expanduser().resolve()
        if not folder.is_dir():
            raise UserError(f"data.parts.{name}.path={text}: there is no such folder: give one that holds corpus.jsonl")
        paths[name] = folder
    return paths


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


def is_empty(value: Any) -> bool:
    """Whether a path was given as nothing."""
    return value is None or not str(value).strip()

"""`data.path` and `data.corpus`: where a collection lies. A run is named by its name, never by a path."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from experiments.config.mixture import written_out
from experiments.errors import UserError

HOLDS = {
    "beir": "a folder that holds corpus.jsonl",
    "beir_hub": "a folder that is a copy of a data set of the hub",
    "trec": "a folder that holds topics, qrels and collection",
    "pairs": "a csv, tsv, jsonl or parquet file, or a folder that save_to_disk wrote",
}
"""Kinds of data that lie at a path, and what is there."""
Paths = dict[str, Path]


def take_data_paths(data: dict[str, Any]) -> Paths:
    """Remove `path` and `corpus`, which name the collection unless data.name does: see Execution.data_paths.

    Raises UserError for a path that is not there or does not belong to the kind of data.
    """
    if data.get("kind") == "mixture":
        return _take_part_paths(data)
    kind, text, corpus = str(data.get("kind")), data.pop("path", None), data.pop("corpus", None)
    if text is None:
        _name_without_path(data, kind)
        found = {}
    else:
        path = _there(kind, text)
        if data.get("name") in {None, "???"}:
            data["name"] = path.name if path.is_dir() else path.name.partition(".")[0]
        found = {str(data["name"]): path}
    return found if corpus is None else found | {f"{data['name']}:corpus": _corpus(corpus)}


def _name_without_path(data: dict[str, Any], kind: str) -> None:
    """Give a collection of the hub its name. Raises UserError where nothing says which collection it is."""
    if kind == "pairs" and data.get("hub") is None:
        raise UserError(f"data.path is not set: give data.path={HOLDS[kind]}, or data.hub=NAME of the Hugging Face hub")
    if data.get("hub") is not None and data.get("name") in {None, "???"}:
        data["name"] = str(data["hub"]).rpartition("/")[2]
    if kind == "trec":
        raise UserError(f"data.path is not set: give data.path=FOLDER, {HOLDS[kind]}")
    if kind == "beir_hub" and data.get("name") == "???":
        raise UserError("data.name is not set: give data.name=scifact for the hub's mteb/scifact, or data.hub=ORG/NAME")
    if data.get("name") == "???":
        raise UserError("data.name is not set: give data.path=FOLDER, or data.name=NAME of a folder under BEIR_HOME")


def _there(kind: str, text: Any) -> Path:
    if is_empty(text):
        raise UserError(f"data.path is empty: give {HOLDS.get(kind, HOLDS['beir'])}")
    path = Path(str(text)).expanduser().resolve()
    if kind not in HOLDS:
        kinds = " or data=pairs" if path.is_file() else ""
        raise UserError(f"data.path={text}: data={kind} reads no folder: add data=beir{kinds}")
    if kind != "pairs" and path.is_file():
        raise UserError(f"data.path={text}: data={kind} reads a folder, and this is a file: use data=pairs")
    if not path.exists():
        what = "file or folder" if kind == "pairs" else "folder"
        raise UserError(f"data.path={text}: there is no such {what}: give {HOLDS[kind]}")
    if kind == "pairs" and (path / "corpus.jsonl").is_file():
        raise UserError(f"data.path={text}: this folder is in BEIR form: read it with data=beir")
    if kind == "beir" and not (path / "qrels").is_dir() and (other := _other_kind(path)):
        raise UserError(f"data.path={text}: this folder is not in BEIR form (no qrels): read it with data={other}")
    return path


def _other_kind(path: Path) -> str:
    """The kind of data that a folder without qrels/ seems to hold; "" where nothing in it says so."""
    if any(path.glob("topics.*")):
        return "trec"
    tables = ("*.csv", "*.csv.gz", "*.tsv", "*.parquet", "state.json", "dataset_dict.json")
    return "pairs" if any(file for name in tables for file in path.glob(name)) else ""


def _corpus(text: Any) -> Path:
    path = Path(str(text)).expanduser().resolve()
    if is_empty(text) or not path.is_file():
        raise UserError(f"data.corpus={text}: there is no such file: give one of passages with the columns id and text")
    return path


def is_empty(value: Any) -> bool:
    """Whether a path was given as nothing."""
    return value is None or not str(value).strip()


def _take_part_paths(data: dict[str, Any]) -> Paths:
    """Write out the parts of a mixture and remove their `path`."""
    if data.pop("path", None) is not None:
        raise UserError("data.path: data=mixture has a folder for each part: give data.parts.NAME.path=FOLDER")
    try:
        data["parts"] = written_out(data.get("parts"))
    except ValueError as error:
        raise UserError(f"data.parts: {error}") from error
    paths: Paths = {}
    for name, part in data["parts"].items() if isinstance(data["parts"], dict) else ():
        text = part.pop("path", None) if isinstance(part, dict) else None
        if text is None:
            continue
        if is_empty(text):
            raise UserError(f"data.parts.{name}.path is empty: give a folder that holds corpus.jsonl")
        if (kind := part["kind"]) not in {"beir", "beir_hub"}:
            raise UserError(f"data.parts.{name}.path={text}: a part of kind {kind} reads no folder: leave it out")
        folder = Path(str(text)).expanduser().resolve()
        if not folder.is_dir():
            raise UserError(f"data.parts.{name}.path={text}: there is no such folder: give one that holds corpus.jsonl")
        paths[name] = folder
    return paths

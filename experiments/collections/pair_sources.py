"""Finds the tables of data=pairs: a file, a folder of files by split, a Hugging Face data set on disk or hub."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from experiments.collections.tables import Table, dataset_table, is_table, open_table
from experiments.config import PairsData
from experiments.errors import UserError, one_line
from experiments.execution import Execution

SPLITS = {"train": "train", "dev": "dev", "validation": "dev", "valid": "dev", "val": "dev", "test": "test"}
"""How a file's or a data set's split may be called -> what it is here."""
Tables = dict[str, list[Table]]
"""Split -> its tables in order."""


def find_tables(data: PairsData, execution: Execution) -> Tables:
    """What a path or a hub name leads to; without named splits everything is train. Raises UserError in one line."""
    if data.hub is not None:
        return _of_dataset(Path(data.hub), load_hub(data.hub, data.subset, data.revision))
    path = execution.data_paths.get(data.name)
    if path is None:
        raise UserError(f"where are the pairs of {data.name!r}? Give data.path=FILE or FOLDER, or data.hub=NAME")
    if path.is_file():
        return {"train": [open_table(path)]}
    if not path.is_dir():
        raise UserError(f"{path} is not there any more: give the file again with data.path=FILE")
    return _of_dataset(path, _saved(path)) if _is_saved(path) else _of_folder(path)


def load_hub(name: str, subset: str | None, revision: str | None) -> Any:
    """A data set of the hub, through `datasets`. Raises UserError where it cannot be had."""
    import datasets

    try:
        return datasets.load_dataset(name, subset, revision=revision)
    except (OSError, ValueError, RuntimeError, datasets.exceptions.DatasetsError) as error:
        cause = one_line(error)[:160]
        raise UserError(
            f"the data set {name} cannot be had from the hub ({cause}): check its name, data.subset and the network, "
            "or give a copy made with save_to_disk as data.path"
        ) from None


def _is_saved(path: Path) -> bool:
    return (path / "dataset_dict.json").is_file() or (path / "state.json").is_file()


def _saved(path: Path) -> Any:
    import datasets

    try:
        return datasets.load_from_disk(str(path))
    except (OSError, ValueError, KeyError) as error:
        cause = " ".join(str(error).split())[:160]
        raise UserError(f"{path}: cannot be read as a saved data set ({cause}): save it again") from None


def _of_dataset(path: Path, data: Any) -> Tables:
    if not isinstance(data, Mapping):
        return {"train": [dataset_table(path, data)]}
    return _by_split((name, dataset_table(path / name, one)) for name, one in data.items())


def _of_folder(path: Path) -> Tables:
    files = sorted(file for file in (*path.iterdir(), *path.glob("data/*")) if file.is_file() and is_table(file))
    if not files:
        raise UserError(
            f"{path} holds no table: give a file that ends in .csv, .tsv, .jsonl or .parquet, a folder of train, dev "
            "and test files, or what save_to_disk wrote"
        )
    if len(files) == 1:
        return {"train": [open_table(files[0])]}
    return _by_split((file.name.split(".")[0].split("-")[0], open_table(file)) for file in files)


def _by_split(named: Iterable[tuple[str, Table]]) -> Tables:
    found: Tables = {}
    for name, table in named:
        if name not in SPLITS:
            raise UserError(
                f"{table.path}: {name!r} names no split: call it train, dev (validation) or test, "
                "or give one file alone"
            )
        found.setdefault(SPLITS[name], []).append(table)
    return found

"""Data sets of the Hugging Face hub as folders: one snapshot of one commit, downloaded once, read by `datasets`."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

from experiments.errors import UserError, one_line


@functools.cache
def snapshot(name: str, revision: str | None) -> Path:
    """The folder of a data set's files, called by the commit that `revision` stands for (None = what is there today).

    Asked once a process, so that all its runs read the same; without a hub it is what the local cache holds. Raises
    UserError where neither has it.
    """
    from huggingface_hub import snapshot_download

    try:
        # `datasets` runs no script of a data set, and would refuse one that has any.
        return Path(snapshot_download(name, repo_type="dataset", revision=revision, ignore_patterns=["*.py"]))
    except (OSError, ValueError, RuntimeError) as error:
        at = f" at revision {revision}" if revision else ""
        raise UserError(
            f"the data set {name}{at} can be had neither from the hub nor from the cache ({one_line(error)[:160]}): "
            "check its name and the network, or give a copy of it as data.path"
        ) from None


@functools.cache
def configurations(folder: Path, *, called: str) -> tuple[str, ...]:
    """The names of the configurations that a data set's card declares, `default` where it declares none."""
    from datasets import get_dataset_config_names

    return tuple(_read(called, lambda: get_dataset_config_names(str(folder))))


def load_configuration(folder: Path, name: str, *, called: str) -> dict[str, Any]:
    """Split -> `datasets.Dataset`. called: what messages call the data set. Raises UserError."""
    from datasets import load_dataset

    return dict(_read(f"{called}/{name}", lambda: load_dataset(str(folder), name)))


def _read(called: str, read: Callable[[], Any]) -> Any:
    """What `read` gives, without bars on the screen; an error of the library's as one line."""
    import datasets

    shown = datasets.are_progress_bars_disabled()
    datasets.disable_progress_bars()
    try:
        return read()
    except (OSError, ValueError, RuntimeError, datasets.exceptions.DatasetsError) as error:
        raise UserError(f"{called}: `datasets` cannot read it as a collection ({one_line(error)[:160]})") from None
    finally:
        if not shown:
            datasets.enable_progress_bars()

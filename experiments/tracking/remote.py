"""Records that runs elsewhere have logged: from a project's runs on a server, or from runs kept offline."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from experiments.environ import environment
from experiments.errors import UserError
from experiments.execution import WandbTracker
from experiments.records.merge import FILE
from experiments.redaction import redacted
from experiments.tracking.credentials import has_key, server
from experiments.tracking.folders import Folders
from experiments.tracking.told import entries

PROJECT = re.compile(r"[^/\s:]+/[^/\s:]+")


@dataclass(frozen=True)
class Logged:
    """A run that was logged: its W&B id, its state, and the folder that holds its record as a store would, or None."""

    id: str
    state: str
    root: Path | None


def check_project(text: str) -> None:
    """Raises UserError for what is not ENTITY/PROJECT."""
    if not PROJECT.fullmatch(text):
        raise UserError(f"{text}: should be ENTITY/PROJECT, as in the address of the project's page")


def on_server(project: str, *, group: str | None, into: Path, base_url: str | None = None) -> Iterator[Logged]:
    """The runs of a project, their record files copied below `into`.

    Raises UserError without the package or a key, and where the server cannot be reached, refuses, or has no such
    project.
    """
    check_project(project)
    where = _server(base_url)
    if not has_key(where):
        raise UserError(f"there is no key for {where}: set WANDB_API_KEY or `wandb login`")
    with _api(where, into) as api, _one_line(f"{project} at {where}"):
        found = api.runs(project, filters={"group": group} if group is not None else {})
        for run in found:
            yield Logged(run.id, run.state, _fetch(run, into / "runs"))


def kept_offline(folder: Path, *, group: str | None) -> Iterator[Logged]:
    """The runs below a folder that wandb has written offline or online, whether they were sent or not.

    Raises UserError for a folder that holds none.
    """
    files = sorted(folder.rglob("run-*.wandb")) if folder.is_dir() else []
    if not files:
        raise UserError(f"--offline {folder}: no run of W&B lies there (run-*.wandb)")
    for path in files:
        if group is None or _group(path.parent) == group:
            root = path.parent / "files"
            yield Logged(
                path.stem.removeprefix("run-"), "offline", root if any(root.glob("records/*/*.json")) else None
            )


def _group(folder: Path) -> str | None:
    runs = [entry["run"] for entry in entries(folder) if entry.get("type") == "run"]
    return runs[-1].get("run_group") if runs else None


def _fetch(run: Any, into: Path) -> Path | None:
    """Copy a run's record files, whose names a server could make up, into a folder of their own."""
    root = into / re.sub(r"[^A-Za-z0-9_-]", "_", run.id)
    files = [*run.files(pattern="records/%"), *run.files(pattern="groups/%")]
    wanted = [file for file in files if FILE.fullmatch(file.name)]
    for file in wanted:
        file.download(root=str(root), replace=True).close()
    return root if wanted else None


def _server(base_url: str | None) -> str:
    try:
        return server(WandbTracker(base_url=base_url))
    except ValueError as error:
        raise UserError(
            redacted(f"--base-url {base_url}: should be http://HOST or https://HOST, no key in it")
        ) from error


@contextmanager
def _api(where: str, into: Path) -> Iterator[Any]:
    """The client of wandb, whose files go below `into`."""
    try:
        import wandb
    except ImportError as error:
        raise UserError(f"the package wandb cannot be imported ({error}): install it") from error
    folders = Folders(into)
    folders.enter("online")
    try:
        with environment({"WANDB_DIR": str(into)}):
            with _one_line(where):
                api = wandb.Api(overrides={"base_url": where})
            yield api
    finally:
        wandb.teardown()
        folders.leave()


@contextmanager
def _one_line(what: str) -> Iterator[None]:
    """What the block raises of W&B's, as a UserError."""
    try:
        yield
    except UserError:
        raise
    # wandb answers with exceptions of its own, of its service, of pydantic's and of Python's.
    except Exception as error:
        logging.getLogger("traceback").debug("W&B failed", exc_info=True)
        reason = redacted(" ".join(str(error).split())) or type(error).__name__
        raise UserError(f"{what}: W&B did not answer as asked ({reason[:200]}): check name, key and network") from error

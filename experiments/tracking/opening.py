"""Opens a run in W&B: online within seconds, else offline with one warning."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from experiments.config import RunConfig
from experiments.errors import UserError
from experiments.execution import Labels, WandbTracker
from experiments.redaction import redacted
from experiments.scratch import remove
from experiments.tracking import mirror
from experiments.tracking.credentials import Mode, choose_mode, server
from experiments.tracking.folders import Folders, run_folders, unsent
from experiments.tracking.sync import sync_command
from experiments.tracking.told import Told, told_in, told_to_server

log = logging.getLogger("experiments")

INIT_TIMEOUT = 10.0
"""Seconds that an unreachable server may cost; wandb's own default is 90."""
FINISH_TIMEOUT = 30.0
"""Seconds to wait for the upload at the end, where wandb would wait for ever; `wandb sync` sends what is left."""

_silent: set[str] = set()
"""Servers that did not answer this process: its later runs are kept offline without asking again."""


@dataclass(frozen=True)
class Opened:
    """A run that is open, and what it told before."""

    run: Any
    told: Told


def open_run(tracker: WandbTracker, folders: Folders, config: RunConfig, run_id: str, labels: Labels) -> Opened:
    """Open a run under its own id, and enter `folders`.

    A server that cannot be reached, or refuses, costs `INIT_TIMEOUT` and a warning; the run is then kept offline. So is
    one that was begun offline and not sent since. Raises UserError without the package, for a mode that cannot be, and
    where wandb cannot write offline either.
    """
    _check_package()
    earlier = run_folders(folders.root, run_id)
    mode = _mode(tracker, earlier)
    shown = _shown(config, run_id, labels)
    if mode == "online":
        try:
            with _quiet():
                run = _start(tracker, folders, "online", shown)
            return Opened(run, told_to_server(run) if run.resumed else Told())
        # Whatever keeps W&B from answering, a mirror can fail no run.
        except Exception as error:
            _give_up(folders, run_id, earlier)
            _warn(server(tracker), error, folders)
            logging.getLogger("traceback").debug("W&B did not start", exc_info=True)
    try:
        run = _start(tracker, folders, "offline", shown)
    except Exception as error:
        _give_up(folders, run_id, earlier)
        raise UserError(f"tracker=wandb: it cannot be started offline ({_line(error)}): set tracker=none") from error
    return Opened(run, told_in(earlier))


def _check_package() -> None:
    try:
        import wandb  # noqa: F401
    except ImportError as error:
        raise UserError(
            f"tracker=wandb: the package wandb cannot be imported ({error}): install it, or set tracker=none"
        ) from error


def _mode(tracker: WandbTracker, earlier: list[Path]) -> Mode:
    mode = choose_mode(tracker)
    if mode == "online" and (begun := unsent(earlier)):
        log.info("W&B: this run was begun offline and goes on so: %s sends all of it", sync_command(begun))
        return "offline"
    return "offline" if mode == "online" and server(tracker) in _silent else mode


def _shown(config: RunConfig, run_id: str, labels: Labels) -> dict[str, Any]:
    """What W&B is told of a run when it begins."""
    return {
        "id": run_id,
        "name": mirror.name(config, labels),
        "group": mirror.group(config, labels),
        "job_type": mirror.job_type(config, labels),
        "tags": mirror.tags(config, labels),
        "config": mirror.settings(config, labels),
    }


def _start(tracker: WandbTracker, folders: Folders, mode: Mode, shown: Mapping[str, Any]) -> Any:
    import wandb

    folders.enter(mode)
    return wandb.init(
        **shown,
        project=tracker.project,
        entity=tracker.entity,
        mode=mode,
        resume="allow" if mode == "online" else None,
        dir=folders.root.parent,
        settings=wandb.Settings(
            base_url=server(tracker),
            silent=True,
            console="off",
            save_code=False,
            # The record says on what a run was made; wandb would add the command line and the address of the
            # repository as they are, with whatever password they hold.
            disable_git=True,
            x_disable_meta=True,
            init_timeout=INIT_TIMEOUT,
            finish_timeout=FINISH_TIMEOUT,
            finish_timeout_raises=True,
        ),
    )


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without wandb's own account of a start that fails: a traceback, in the log and on the screen."""
    logger = logging.getLogger("wandb")
    logger.addFilter(_nothing)
    try:
        yield
    finally:
        logger.removeFilter(_nothing)


def _nothing(_record: logging.LogRecord) -> bool:
    return False


def _give_up(folders: Folders, run_id: str, earlier: list[Path]) -> None:
    """End wandb's service, which keeps the folders it began with, and remove what the attempt left."""
    import wandb

    with contextlib.suppress(Exception):
        wandb.teardown(exit_code=1)
    for folder in set(run_folders(folders.root, run_id)) - set(earlier):
        remove(folder)
    folders.leave()


def _warn(where: str, error: Exception, folders: Folders) -> None:
    _silent.add(where)
    log.warning(
        "W&B did not start at %s (%s): runs of this process are kept offline, as in %s; wandb sync sends them",
        urlsplit(where).netloc,
        _line(error),
        folders.root,
    )


def _line(error: Exception) -> str:
    """What went wrong, without wandb's advice about its own settings."""
    return redacted(" ".join(str(error).partition("Consider increasing")[0].split())) or type(error).__name__

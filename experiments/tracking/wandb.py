"""Weights & Biases: online with a key, else offline without a prompt; every file under the run's output folder."""

from __future__ import annotations

import netrc
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from experiments.config import RunConfig
from experiments.errors import UserError
from experiments.execution import Labels, WandbTracker
from experiments.records.schema import RunRecord
from experiments.tracking import mirror
from experiments.tracking.protocol import NegativeRows

Mode = Literal["online", "offline"]

INIT_TIMEOUT = 20.0
"""Seconds that an unreachable server may cost; wandb's own default is 90."""
FINISH_TIMEOUT = 120.0
"""Seconds to wait for the upload at the end, where wandb would wait for ever; `wandb sync` sends what is left."""


class WandbRun:
    """One run in Weights & Biases; its files lie under `folder`/wandb."""

    def __init__(self, tracker: WandbTracker, *, folder: Path) -> None:
        self._tracker = tracker
        self._folder = folder.absolute() / "wandb"
        self._replaced: dict[str, str | None] = {}
        self._run: Any = None
        self._logged = False

    def start(self, config: RunConfig, run_id: str, labels: Labels) -> None:
        """Open the run under its own id.

        Raises UserError without the package, and online without a key or an answer from the server.
        """
        mode = choose_mode(self._tracker.mode)
        self._enter_folder(mode)
        try:
            self._run = _open_run(
                self._tracker, mode=mode, folder=self._folder.parent, config=config, run_id=run_id, labels=labels
            )
        finally:
            if self._run is None:
                self._leave_folder()
        self._run.define_metric("train/*", step_metric="train/step")

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """One row of history: ``train/step`` and ``train/<name>``."""
        self._run.log({"train/step": step} | {f"train/{name}": value for name, value in values.items()})
        self._logged = True

    def student(self, key: str) -> None:
        """The key of the student, in the summary."""
        self._run.summary["student"] = key

    def negatives(self, rows: NegativeRows) -> None:
        """A wandb.Table named ``negatives``."""
        import wandb

        columns = list(rows[0]) if rows else []
        self._run.log(
            {"negatives": wandb.Table(columns=columns, data=[[row[name] for name in columns] for row in rows])}
        )

    def finish(self, record: RunRecord) -> None:
        """Summary measures and timings; the loss too where training was reused and so told nothing on its way."""
        exit_code = 1
        try:
            if record.training is not None and not self._logged:
                for step, values in mirror.history(record.training):
                    self.log(step, values)
            self._run.summary.update(mirror.summary(record))
            exit_code = 0
        finally:
            self._close(exit_code=exit_code)

    def abort(self, *, stopped: bool = False) -> None:
        """Mark the run as failed; one that was stopped on purpose ends well, and its summary says so."""
        if stopped:
            self._run.summary["stopped"] = True
        self._close(exit_code=0 if stopped else 1)

    def _close(self, *, exit_code: int) -> None:
        import wandb

        # wandb's service keeps the folders it was started with, and the next run of this process has its own: so
        # both are left behind, also where the end of this run cannot be told.
        try:
            self._run.finish(exit_code=exit_code)
        finally:
            try:
                wandb.teardown(exit_code=exit_code)
            finally:
                self._leave_folder()

    def _enter_folder(self, mode: Mode) -> None:
        folders = {
            name: str(self._folder / name.split("_")[1].lower()) for name in ("WANDB_DATA_DIR", "WANDB_CACHE_DIR")
        }
        if mode == "offline":
            # Online the user's own folder stays: it is only read, and may name their server.
            folders["WANDB_CONFIG_DIR"] = str(self._folder / "config")
        self._replaced = {name: os.environ.get(name) for name in folders}
        for folder in folders.values():
            Path(folder).mkdir(parents=True, exist_ok=True)
        os.environ.update(folders)

    def _leave_folder(self) -> None:
        for name, value in self._replaced.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        self._replaced = {}


def choose_mode(asked: Literal["auto", "online", "offline"]) -> Mode:
    """What was asked for; "auto" follows WANDB_MODE where it says offline, else whether there is a key."""
    if asked != "auto":
        return asked
    if os.environ.get("WANDB_MODE") in {"offline", "dryrun", "disabled"}:
        return "offline"
    return "online" if has_key() else "offline"


def has_key() -> bool:
    """Whether WANDB_API_KEY or the netrc file (NETRC, else ~/.netrc or ~/_netrc) holds a key for WANDB_BASE_URL.

    Raises UserError for a netrc file that cannot be read.
    """
    if os.environ.get("WANDB_API_KEY"):
        return True
    host = urlsplit(os.environ.get("WANDB_BASE_URL") or "https://api.wandb.ai").hostname
    named = os.environ.get("NETRC")
    files = [Path(named)] if named else [Path.home() / ".netrc", Path.home() / "_netrc"]
    return host is not None and any(_has_login(file, host) for file in files if file.is_file())


def _has_login(file: Path, host: str) -> bool:
    try:
        login = netrc.netrc(str(file)).authenticators(host)
    except (netrc.NetrcParseError, OSError) as error:
        raise UserError(
            f"{file} cannot be read for a W&B key ({error}): mend it, or set tracker.mode=offline"
        ) from error
    return login is not None


def _open_run(
    tracker: WandbTracker, *, mode: Mode, folder: Path, config: RunConfig, run_id: str, labels: Labels
) -> Any:
    try:
        import wandb
    except ImportError as error:
        raise UserError(
            f"tracker=wandb: the package wandb cannot be imported ({error}): install it, or set tracker=none"
        ) from error
    try:
        return wandb.init(
            project=tracker.project,
            entity=tracker.entity,
            mode=mode,
            id=run_id,
            name=f"{mirror.job_type(config, labels)} seed {config.seed}",
            resume="allow" if mode == "online" else None,
            group=mirror.group(config, labels),
            job_type=mirror.job_type(config, labels),
            tags=mirror.tags(config, labels),
            config=config.model_dump(mode="json"),
            dir=folder,
            settings=wandb.Settings(
                silent=True,
                console="off",
                save_code=False,
                init_timeout=INIT_TIMEOUT,
                finish_timeout=FINISH_TIMEOUT,
            ),
        )
    except wandb.Error as error:
        wandb.teardown(exit_code=1)
        reason = " ".join(str(error).split())
        asked = "tracker=wandb, online since there is a key" if tracker.mode == "auto" else f"tracker.mode={mode}"
        raise UserError(
            f"{asked}: W&B did not start ({reason}): check the key and the network, or set tracker.mode=offline"
        ) from error
